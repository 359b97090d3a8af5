import ApusPlan

/// The ways to room for every assignment.
enum CapacityRepair {
    static func options(for deployment: Deployment, at length: Int) -> [Change] {
        let routing = deployment.routing
        var list = ChangeList(to: deployment, at: length)
        switch routing.capacity {
        case .perToken:
            list.add("`capacity: per_assignment`, the usual definition") {
                $0.routing.capacity = .perAssignment
            }
            let factor = routing.capacityFactor * Double(deployment.model.topK)
            list.add("`capacity_factor: \(plain(factor))`, the same headroom per assignment") {
                $0.routing.capacityFactor = factor
            }
        case .perAssignment:
            list.add("`capacity_factor: 1`") { $0.routing.capacityFactor = 1 }
        case .dropless: break
        }
        list.add("`capacity: dropless`") {
            $0.routing.capacity = .dropless
            $0.routing.capacityFactor = 1
            $0.routing.overflow = []
        }
        return list.changes
    }
}
