package import ApusPlan

/// One point of the search space: a whole strategy for sequences of one length.
package struct Strategy: Hashable, Sendable {
    package var degrees: Degrees
    package var schedule = Plan.Schedule.oneForwardOneBackward
    /// Chunks of layers on each rank.
    package var chunks = 1
    package var zeroStage = 0
    package var sequenceParallel = false
    package var overlap = true
    package var placement = Plan.Placement.outermost
    /// Sequences of one micro-batch on one batch replica.
    package var microBatchSize = 1
    package var recompute = Plan.Recompute.none

    package init(degrees: Degrees) { self.degrees = degrees }

    /// The plan, for a batch that its data ranks share evenly.
    package func plan(sequences: Int) -> Plan {
        let share = max(1, sequences / degrees.data)
        let bucket = Plan.Bucket(
            lengthMax: nil, microBatches: max(1, share / microBatchSize),
            sequencesPerDataRank: share, tensorParallel: degrees.tensor, recompute: recompute)
        return Plan(
            degrees: degrees, schedule: schedule, chunksPerRank: chunks, zeroStage: zeroStage,
            pipelinePlacement: placement, sequenceParallel: sequenceParallel, overlap: overlap,
            buckets: [bucket])
    }

    /// How many things a person has to set up for it beyond plain data parallelism.
    package var complexity: Int {
        let isUsed = [
            degrees.pipeline > 1, degrees.context > 1, degrees.tensor > 1, degrees.expert > 1,
            degrees.expertTensor > 1, schedule != .oneForwardOneBackward, zeroStage > 0,
            recompute != .none, placement != .outermost,
        ]
        return isUsed.count { $0 }
    }
}

extension Strategy: Comparable {
    /// The plan order: simpler strategies first.
    ///
    /// It settles ties, so that a search's answer does not depend on the way through the space.
    package static func < (left: Strategy, right: Strategy) -> Bool {
        left.order.lexicographicallyPrecedes(right.order)
    }

    private var order: [Int] {
        [
            complexity, degrees.pipeline, degrees.tensor, degrees.context, degrees.expert,
            degrees.expertTensor, schedule.rank, chunks, zeroStage, recompute.rank,
            sequenceParallel ? 0 : 1, overlap ? 0 : 1, placement == .outermost ? 0 : 1,
            microBatchSize,
        ]
    }
}

extension Plan.Schedule {
    /// Simpler and better known schedules first.
    fileprivate var rank: Int {
        switch self {
        case .oneForwardOneBackward: 0
        case .gpipe: 1
        case .interleaved: 2
        case .zeroBubbleH1: 3
        case .zeroBubbleV: 4
        case .dualPipeV: 5
        case .written: 6
        }
    }
}

extension Plan.Recompute: Comparable {
    /// What runs less again comes first.
    package static func < (left: Plan.Recompute, right: Plan.Recompute) -> Bool {
        left.rank < right.rank
    }

    fileprivate var rank: Int {
        switch self {
        case .none: 0
        case .selective: 1
        case .full: 2
        }
    }
}
