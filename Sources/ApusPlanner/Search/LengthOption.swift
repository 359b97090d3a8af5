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
        let weights = workload.lengthWeightsOrDefault
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
    var microBatches: Int
    var batch: MicroBatchPrices
    let overlaps: OverlapVariants
    let requests: [RequestPricer]
    /// Seconds that a step takes at least.
    var least = 0.0
}

/// An option under one split, placement and overlap.
struct OptionRun {
    let stages: [StageRun]
    /// The message between two stages.
    let message: Seconds
    let firstToken: Double
    /// Seconds that the slowest stage takes for all micro-batches.
    let least: Double
}

/// The fastest option of a length under a common strategy.
struct OptionBest {
    var option: Int
    /// Seconds of a step.
    var time: Double
    /// Bytes.
    var memory: Double
    var firstToken: Double
}

/// A split, a placement and an overlap, with what is known of the lengths under them.
struct MixedPoint {
    let split: Int
    let place: Int
    let variant: Int
    /// Seconds that a step of each length takes at least.
    let least: [Double]
    /// By length and option, once it is priced.
    var runs: [[OptionRun?]]
    /// The fastest of each length under the common strategy that was looked at last.
    var times: [OptionBest?]

    init(split: Int, place: Int, _ common: Strategy, _ pipeline: MixedPipeline) {
        self.split = split
        self.place = place
        let variant = OverlapVariants.index(overlap: common.overlap, chunks: common.chunks)
        self.variant = variant
        let domain = pipeline.state.domains[place]
        least = pipeline.options.map { options in
            var least = Double.infinity
            for option in options {
                let perRank = Double(option.microBatches) / Double(common.degrees.pipeline)
                least = min(least, perRank * (option.batch.placed[domain]?.whole[variant] ?? 0))
            }
            return least
        }
        runs = pipeline.options.map { $0.map { _ in nil } }
        times = pipeline.options.map { _ in nil }
    }
}

/// What the strategies with common degrees share while their lengths are searched.
struct MixedPipeline {
    let base: Strategy
    let state: PipelineState
    /// By length, those first that may be fastest.
    var options: [[LengthOption]]
    var stateCosts: [StateKey: [StateCost]] = [:]

    /// What the cost of weights depends on beside the degrees.
    struct StateKey: Hashable {
        var tensor: Int
        var split: Int
        var place: Int
    }

    init(_ base: Strategy, domains: [Int], lengthCount: Int, problem: SearchProblem) {
        self.base = base
        state = PipelineState(base.degrees, domains: domains, problem: problem)
        options = Array(repeating: [], count: lengthCount)
    }
}
