import ApusBase
import ApusCost
import ApusPlan

/// A sequence length, and how much of the steps has it.
struct LengthShare: Hashable, Sendable {
    /// Tokens.
    var length: Int
    /// The share of all steps, which sum to 1.
    var weight: Double

    /// The lengths of a workload, ascending, in at most `countMax` shares.
    ///
    /// Where there are more lengths, neighbours share a bucket that is as long as the longest.
    static func all(of workload: Workload, countMax: Int = 6) -> [LengthShare] {
        let weights = workload.lengthWeights ?? workload.sequenceLengths.map { _ in 1 }
        let total = weights.reduce(0, +)
        let all = zip(workload.sequenceLengths, weights)
            .map { LengthShare(length: $0, weight: $1 / total) }
            .sorted { $0.length < $1.length }
        guard all.count > countMax else { return all }
        return (0..<countMax).map { index in
            let first = index * all.count / countMax
            let group = all[first..<((index + 1) * all.count / countMax)]
            return LengthShare(
                length: group.map(\.length).max() ?? 1,
                weight: group.map(\.weight).reduce(0, +))
        }
    }
}

/// One way to run sequences of one length under a common strategy.
struct LengthOption {
    /// Which of the length's slicings.
    var slice: Int
    var microBatches: Int
    /// Bytes that a rank holds at least, by ZeRO stage.
    var memory: SIMD4<Double>
    var batch: MicroBatchPrices
    let overlaps: OverlapVariants
    let requests: [RequestPricer]
    /// Seconds that a step takes at least.
    var least = 0.0
    var leastFirstToken = 0.0
    var canFit = true
    /// Strategies of the space that run the length so.
    var strategyCount = 0
}

/// What the strategies with common degrees share while their lengths are searched.
struct MixedPipeline {
    let base: Strategy
    var state: PipelineState
    /// By length, those first that may be fastest.
    var options: [[LengthOption]]
    /// For each tensor degree of a bucket, what the weights cost.
    var states: [Int: PipelineState] = [:]

    init(_ base: Strategy, domains: [Int], lengthCount: Int, problem: SearchProblem) {
        self.base = base
        state = PipelineState(base.degrees, domains: domains, problem: problem)
        options = Array(repeating: [], count: lengthCount)
    }
}

extension PipelineState {
    /// How many strategies run so many micro-batches.
    func count(microBatches: Int, overlaps: Int) -> Int {
        var schedules = 0
        for split in splits {
            schedules += split.schedules.count {
                Split.allows($0, microBatches: microBatches, pipeline: degrees.pipeline)
            }
        }
        return schedules * zeroStages.count * placements.count * overlaps
    }
}
