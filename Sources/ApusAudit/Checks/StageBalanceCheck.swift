import ApusBase
import ApusCost
import ApusPlan

/// Whether all stages of a pipeline have about the same to compute.
///
/// The slowest stage sets the pace of all: the head is often what an even split of layers forgets.
struct StageBalanceCheck: Check {
    /// How far the slowest stage may be above the mean.
    private static let limit = 1.1

    func findings(in audit: Audit) -> [Diagnostic] {
        let deployment = audit.deployment
        guard let plan = deployment.plan, plan.degrees.pipeline > 1 else { return [] }
        let uneven = deployment.workload.sequenceLengths.compactMap { length -> Uneven? in
            guard let planned = Alternative(to: deployment, at: length) else { return nil }
            let times = Self.times(of: planned)
            let mean = times.map(\.count).reduce(0, +) / Double(times.count)
            guard let slowest = times.max(), mean > 0, slowest.count > Self.limit * mean else {
                return nil
            }
            return Uneven(planned: planned, times: times, ratio: slowest.count / mean)
        }
        guard let worst = uneven.max(by: { $0.ratio < $1.ratio }) else { return [] }
        let length = worst.planned.step.sequenceLength
        let stage = worst.times.indices.max { worst.times[$0] < worst.times[$1] } ?? 0
        let times = worst.times.map(\.description).joined(separator: ", ")
        return [
            audit.problem(
                .stageBalance, "plan", severity: .warning,
                "stage \(stage) computes \(significant(worst.ratio)) times as long as the mean of "
                    + "the stages at \(length) tokens",
                details: ["stages compute \(times) on a micro-batch"],
                hint: hint(deployment, worst.planned, at: length))
        ]
    }

    private struct Uneven {
        var planned: Alternative
        var times: [Seconds]
        var ratio: Double
    }

    private static func times(of alternative: Alternative) -> [Seconds] {
        alternative.prediction.stages.map { $0.forward + $0.backward }
    }

    /// The split that makes the slowest stage fastest, where the step is faster with it.
    private func hint(
        _ deployment: Deployment, _ planned: Alternative, at length: Int
    ) -> String? {
        let balance = CostModel(cluster: planned.step.cluster)
            .layerBalance(over: [(1, planned.step)])
        guard let layers = balance.split(),
            let moved = Alternative(
                to: deployment, at: length, { $0.plan = $0.plan?.splitting(layers: layers) }),
            moved.prediction.stepTime < planned.prediction.stepTime
        else { return nil }
        let list = layers.map(String.init).joined(separator: ", ")
        let chunks = moved.step.plan.chunksPerRank
        let arms = chunks == planned.step.plan.chunksPerRank ? "" : "`chunks_per_rank: \(chunks)`, "
        return
            "\(arms)`layers_per_stage: [\(list)]`: \(moved.prediction.stepTime) a step instead of "
            + "\(planned.prediction.stepTime)"
    }
}
