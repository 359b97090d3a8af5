/// A hybrid parallel strategy: the degrees, the schedule, and what changes with sequence length.
package struct Plan: Hashable, Sendable {
    package enum Placement: String, Hashable, Sendable, CaseIterable {
        /// A stage's ranks lie side by side.
        case outermost
        /// Pipeline neighbours lie side by side.
        case innermost
    }
    package enum Recompute: String, Hashable, Sendable, CaseIterable {
        case none, selective, full
    }

    /// What holds for sequences of up to `lengthMax` tokens.
    package struct Bucket: Hashable, Sendable {
        /// The longest sequence, in tokens; `nil` where the plan has one bucket for all lengths.
        package var lengthMax: Int?
        package var microBatches: Int
        package var sequencesPerDataRank: Int
        package var tensorParallel: Int
        package var recompute: Recompute

        package init(
            lengthMax: Int?, microBatches: Int, sequencesPerDataRank: Int, tensorParallel: Int,
            recompute: Recompute
        ) {
            self.lengthMax = lengthMax
            self.microBatches = microBatches
            self.sequencesPerDataRank = sequencesPerDataRank
            self.tensorParallel = tensorParallel
            self.recompute = recompute
        }

        /// Micro-batches of one flush: at most one for each sequence of a data rank.
        package var microBatchesPerFlush: Int { min(microBatches, sequencesPerDataRank) }

        /// Whether sequences of `length` tokens fit.
        package func holds(length: Int) -> Bool { lengthMax.map { length <= $0 } ?? true }
    }

    package var degrees: Degrees
    package var schedule: Schedule
    package var chunksPerRank: Int
    package var zeroStage: Int
    package var pipelinePlacement: Placement
    package var layersPerStage: [Int]?
    package var sequenceParallel: Bool
    package var overlap: Bool
    package var hierarchicalReduce: Bool
    /// At least one, sorted by `lengthMax`.
    package var buckets: [Bucket]

    package init(
        degrees: Degrees, schedule: Schedule = .oneForwardOneBackward, chunksPerRank: Int = 1,
        zeroStage: Int = 0, pipelinePlacement: Placement = .outermost,
        layersPerStage: [Int]? = nil, sequenceParallel: Bool = false, overlap: Bool = true,
        hierarchicalReduce: Bool = false, buckets: [Bucket]
    ) {
        self.degrees = degrees
        self.schedule = schedule
        self.chunksPerRank = chunksPerRank
        self.zeroStage = zeroStage
        self.pipelinePlacement = pipelinePlacement
        self.layersPerStage = layersPerStage
        self.sequenceParallel = sequenceParallel
        self.overlap = overlap
        self.hierarchicalReduce = hierarchicalReduce
        self.buckets = buckets
    }

    /// The bucket for sequences of `length` tokens, or `nil` where none is long enough.
    package func bucket(forLength length: Int) -> Bucket? {
        bucketIndex(forLength: length).map { buckets[$0] }
    }

    /// The batch replicas of a bucket: ranks of a stage ÷ (tp · cp), with the tensor degree that
    /// the bucket carves out of the data axis.
    package func dataReplicas(of bucket: Bucket) -> Int {
        max(1, degrees.carving(tensor: max(1, bucket.tensorParallel)).data)
    }

    /// Whether a data rank's share of the global batch is several of the bucket's, so that the
    /// flush is extended by as many times its micro-batches.
    package func accumulates(sequences: Int, in bucket: Bucket) -> Bool {
        let planned = bucket.sequencesPerDataRank
        return schedule.written == nil && sequences > planned && sequences.isMultiple(of: planned)
            && planned.isMultiple(of: bucket.microBatchesPerFlush)
    }

    /// Where in `buckets` that bucket stands.
    package func bucketIndex(forLength length: Int) -> Int? {
        buckets.firstIndex { $0.holds(length: length) }
    }
}
