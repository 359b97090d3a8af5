import ApusBase
import ApusCost
import ApusPlan

/// Whether every rank fits its GPU at every sequence length.
struct MemoryCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let deployment = audit.deployment
        return deployment.workload.sequenceLengths.compactMap { length in
            guard let plan = deployment.plan, let planned = Alternative(to: deployment, at: length),
                !planned.fits
            else { return nil }
            let stages = planned.prediction.memory
            let stage = stages.indices.max { stages[$0].total < stages[$1].total } ?? 0
            let gpu = planned.step.cluster.gpu
            let index = plan.bucketIndex(forLength: length) ?? 0
            return audit.problem(
                .memory, audit.positions.path(ofBucket: index, in: plan),
                "a rank of stage \(stage) needs \(stages[stage].total) at \(length) tokens, "
                    + "`\(gpu.name)` has \(plain(gpu.memoryGB)) GB",
                details: [stages[stage].words],
                hint: hint(deployment, planned, at: length))
        }
    }

    /// The fastest single change that makes it fit.
    private func hint(
        _ deployment: Deployment, _ planned: Alternative, at length: Int
    ) -> String? {
        let options = MemoryRelief.options(for: deployment, at: length).filter(\.alternative.fits)
        let best = options.min {
            $0.alternative.prediction.tokensPerSecond > $1.alternative.prediction.tokensPerSecond
        }
        return best.map { "\($0.change): \($0.alternative.words)" }
    }
}
