import ApusBase
import ApusPlan

/// Whether the claimed optimizer memory has room for the states that the workload asks for.
struct OptimizerStatesCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let deployment = audit.deployment
        let workload = deployment.workload
        let figures = audit.figures
        guard let claim = figures.claim(.optimizerMemory),
            let optimizer = figures.number(.optimizerMemory),
            let weights = figures.number(.parameterMemory),
            let length = deployment.workload.sequenceLengths.first,
            let planned = audit.quantities.measure(.optimizerMemory, at: length).number,
            let plannedWeights = audit.quantities.measure(.parameterMemory, at: length).number,
            plannedWeights > 0
        else { return [] }
        let kept = workload.precision.kept
        let size = Double(kept.byteCount)
        let claimed = optimizer / weights * size
        let needed = planned / plannedWeights * size
        guard claimed < needed * (1 - Audit.tolerance) else { return [] }
        let moments = 2 * workload.optimizerPrecision.byteCount
        let masters = workload.masterByteCount
        let whole = moments + masters
        let halves = 2 * kept.byteCount
        let isHalf = isNear(claimed, Double(halves), within: Audit.tolerance)
        var details = [
            "\(plain(optimizer)) GB ÷ \(plain(weights)) GB of \(kept.rawValue) "
                + "weights = \(significant(claimed)) bytes per parameter"
                + (isHalf
                    ? ": momentum and variance in \(kept.rawValue), and nothing else"
                    : ""),
            "`workload.optimizer_precision: \(workload.optimizerPrecision.rawValue)`: two moments "
                + "\(moments)\(masters > 0 ? " + FP32 master weights \(masters)" : "") = \(whole) "
                + "bytes per parameter, \(significant(needed)) after ZeRO \(planStage(deployment))",
        ]
        if masters > 0 {
            details.append(
                "\(kept.rawValue) weights alone lose updates below their last digit "
                    + "(Micikevicius et al. 2018, §3.1)")
        }
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: claim),
                "the claimed optimizer states leave no room for "
                    + (masters > 0 ? "FP32 master weights" : "two moments of each weight"),
                details: details,
                expected: "\(significant(weights * Double(whole) / size)) GB beside "
                    + "\(plain(weights)) GB of weights, before ZeRO")
        ]
    }

    private func planStage(_ deployment: Deployment) -> Int { deployment.plan?.zeroStage ?? 0 }
}
