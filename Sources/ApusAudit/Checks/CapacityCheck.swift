import ApusBase
import ApusPlan

/// Whether the experts have room for all assignments where every expert gets the same number.
struct CapacityCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let routing = audit.deployment.routing
        let model = audit.deployment.model
        guard let kept = audit.quantities.assignmentsKept.number, kept < 1 else { return [] }
        let slots = "\(plain(routing.capacityFactor))\(perToken(routing, model)) slots"
        let ways = routing.overflow.map { "`\($0.rawValue)`" }.joined(separator: " and ")
        let lost = percent(1 - kept)
        return [
            audit.problem(
                .capacityDrops, "routing.capacity_factor", severity: .warning,
                "the experts have \(slots) for \(model.topK) assignments of a token: \(lost) of "
                    + "the assignments have no place even in perfect balance",
                details: [
                    audit.quantities.assignmentsKept.why
                ]
                    + (routing.overflow.contains(.reroute)
                        ? ["\(ways) finds no free slot: all experts together are full"] : []),
                expected: expected(routing, model),
                hint: "`capacity: dropless` keeps every assignment")
        ]
    }

    private func perToken(_ routing: Routing, _ model: Model) -> String {
        switch routing.capacity {
        case .perAssignment: " × \(model.topK)"
        case .perToken, .dropless: ""
        }
    }

    private func expected(_ routing: Routing, _ model: Model) -> String {
        switch routing.capacity {
        case .perToken:
            "`capacity_factor` of \(model.topK) or more, or `capacity: per_assignment`, which "
                + "counts tokens × \(model.topK)"
        case .perAssignment, .dropless: "`capacity_factor` of 1 or more"
        }
    }
}
