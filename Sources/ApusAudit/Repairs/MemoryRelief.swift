import ApusPlan

/// Changes that lower what a rank holds.
enum MemoryRelief {
    /// Every single change of a plan's bucket that may lower its memory.
    static func options(for deployment: Deployment, at length: Int) -> [Change] {
        guard let plan = deployment.plan, let bucket = plan.bucket(forLength: length) else {
            return []
        }
        var list = ChangeList(to: deployment, at: length)
        if bucket.recompute == .none {
            list.addBucket("`recompute: selective`") { $0.recompute = .selective }
        }
        if bucket.recompute != .full {
            list.addBucket("`recompute: full`") { $0.recompute = .full }
        }
        let batches = bucket.microBatches
        if bucket.sequencesPerDataRank.isMultiple(of: 2 * batches) {
            list.addBucket("`micro_batches: \(2 * batches)`") { $0.microBatches = 2 * batches }
        }
        let half = bucket.sequencesPerDataRank / 2
        if half > 0, half.isMultiple(of: batches) {
            list.addBucket("`sequences_per_data_rank: \(half)`, accumulated") {
                $0.sequencesPerDataRank = half
            }
        }
        list.addBucket("`tensor_parallel: \(2 * bucket.tensorParallel)`") { $0.tensorParallel *= 2 }
        if plan.zeroStage < 1 { list.add("`zero_stage: 1`") { $0.plan?.zeroStage = 1 } }
        return list.changes
    }

    /// What each measure that a bucket takes against memory does alone: the bucket with none of
    /// them, with each, and as planned.
    static func comparison(for deployment: Deployment, at length: Int) -> [Change] {
        guard let plan = deployment.plan, let planned = plan.bucket(forLength: length) else {
            return []
        }
        // A micro-batch of the sequences that the plan's roomiest bucket has.
        let sequences = plan.buckets.map(\.sequencesPerDataRank).max() ?? 1
        var bare = planned
        bare.recompute = .none
        bare.tensorParallel = plan.degrees.tensor
        bare.sequencesPerDataRank = sequences - sequences % max(1, planned.microBatches)
        var list = ChangeList(to: deployment, at: length)
        guard bare != planned else { return [] }
        list.addBucket(
            "\(bare.sequencesPerDataRank) sequences, tensor \(bare.tensorParallel), recompute none"
        ) { $0 = bare }
        if planned.recompute != .none {
            list.addBucket("the same with recompute \(planned.recompute.rawValue)") {
                $0 = bare
                $0.recompute = planned.recompute
            }
        }
        if planned.sequencesPerDataRank < bare.sequencesPerDataRank {
            list.addBucket("the same with \(planned.sequencesPerDataRank) sequences, accumulated") {
                $0 = bare
                $0.sequencesPerDataRank = planned.sequencesPerDataRank
            }
        }
        if planned.tensorParallel > bare.tensorParallel {
            list.addBucket("the same with tensor \(planned.tensorParallel)") {
                $0 = bare
                $0.tensorParallel = planned.tensorParallel
            }
        }
        list.addBucket("all of these, as planned") { _ in }
        return list.changes
    }
}
