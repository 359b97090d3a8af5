import ApusBase
import ApusCost
import ApusPlan

/// Whether the plan splits a model into stages that one GPU could hold whole.
///
/// Data parallelism over the same ranks then has no bubble, and no boundary between stages.
struct NeedlessPipelineCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let deployment = audit.deployment
        guard let plan = deployment.plan, let cluster = deployment.cluster,
            plan.degrees.pipeline > 1
        else { return [] }
        let ranks = plan.degrees.worldSize
        let lengths = deployment.workload.sequenceLengths
        let pairs = lengths.compactMap { length -> (Alternative, Alternative)? in
            guard let planned = Alternative(to: deployment, at: length),
                let whole = wholeModel(on: ranks, instead: deployment, at: length)
            else { return nil }
            return (planned, whole)
        }
        guard pairs.count == lengths.count, pairs.allSatisfy({ $0.1.fits }) else { return [] }
        let states = statesPerParameter(deployment.workload)
        let parameters = deployment.model.parameterCount
        let size = Bytes(boundedProduct([parameters, states.bytes]))
        let gpu = "`\(cluster.gpu.name)` (\(plain(cluster.gpu.memoryGB)) GB)"
        var details = [
            "\(grouped(parameters)) parameters × \(states.bytes) bytes (\(states.words))"
        ]
        details += pairs.map { planned, whole in
            "at \(planned.step.sequenceLength) tokens: bubble \(percent(planned.bubble)), "
                + "\(planned.words); data parallelism \(ranks): no bubble, \(whole.words)"
        }
        let isFaster = pairs.contains { planned, whole in
            whole.prediction.stepTime < planned.prediction.stepTime
        }
        return [
            audit.problem(
                .needlessPipeline, "plan.pipeline_parallel", severity: isFaster ? .warning : .note,
                "`plan.pipeline_parallel` is \(plan.degrees.pipeline), but the model with its "
                    + "optimizer needs \(size) and fits one \(gpu)",
                details: details,
                hint: isFaster
                    ? "`pipeline_parallel: 1` with `data_parallel: \(ranks)` has no bubble at all"
                    : nil)
        ]
    }

    /// The bytes of a parameter with gradient and optimizer states.
    ///
    /// Source: Rajbhandari et al. 2020 (ZeRO), §3.1.
    private func statesPerParameter(_ workload: Workload) -> (bytes: Int, words: String) {
        let computed = workload.precision.kept
        let moments = workload.optimizerPrecision
        let masters = workload.masterByteCount
        return (
            2 * computed.byteCount + masters + 2 * moments.byteCount,
            "weights and gradients in \(computed.rawValue), "
                + (masters > 0 ? "FP32 master weights, " : "")
                + "two moments in \(moments.rawValue)"
        )
    }

    /// The fastest plan that gives each rank the whole model, with as few micro-batches as fit.
    private func wholeModel(
        on ranks: Int, instead deployment: Deployment, at length: Int
    ) -> Alternative? {
        let share = max(1, deployment.workload.sequencesPerBatch / ranks)
        let options = divisors(of: share).compactMap { sequences in
            Alternative(to: deployment, at: length) {
                $0.changeDegrees(to: Degrees(data: ranks), microBatchSequences: sequences)
                $0.plan?.schedule = .oneForwardOneBackward
                $0.plan?.chunksPerRank = 1
            }
        }
        let fitting = options.filter(\.fits)
        return fitting.min { $0.prediction.stepTime < $1.prediction.stepTime } ?? options.first
    }
}
