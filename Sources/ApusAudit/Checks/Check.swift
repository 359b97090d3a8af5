import ApusBase

/// One thing to look for in a deployment and its claims, in any deployment.
protocol Check: Sendable {
    /// What is found, with the numbers that prove it; empty where all is well.
    func findings(in audit: Audit) -> [Diagnostic]
}

/// Every check, in the order in which findings without a place are listed.
let checks: [any Check] = [
    NeedlessPipelineCheck(), PipelineFillCheck(), BatchCheck(), StageBalanceCheck(), MemoryCheck(),
    CapacityCheck(), ExpertFoldingCheck(), LaunchCheck(), BandwidthSourceCheck(),
    ActivationScaleCheck(), OptimizerStatesCheck(), ClaimSumsCheck(), ActiveParametersCheck(),
    ExpertPlacesCheck(), ThroughputCeilingCheck(), ThroughputTrendCheck(), FirstTokenCheck(),
    BubbleClaimsCheck(), FormulaCheck(),
]
