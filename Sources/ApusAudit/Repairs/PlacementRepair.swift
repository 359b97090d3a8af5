import ApusPlan

/// The two ways to lay a pipeline on the network.
enum PlacementRepair {
    static func options(for deployment: Deployment, at length: Int) -> [Change] {
        guard let plan = deployment.plan, plan.degrees.pipeline > 1 else { return [] }
        var list = ChangeList(to: deployment, at: length)
        for placement in Plan.Placement.allCases {
            let isPlanned = placement == plan.pipelinePlacement
            list.add(
                "`pipeline_placement: \(placement.rawValue)`"
                    + (isPlanned ? " as planned" : "")
            ) { $0.plan?.pipelinePlacement = placement }
        }
        return list.changes
    }
}
