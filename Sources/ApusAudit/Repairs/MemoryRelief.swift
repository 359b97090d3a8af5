import ApusCost
import ApusPlan

/// One change that lowers the memory of a step.
struct MemoryRelief {
    var change: String
    var alternative: Alternative

    /// Every single change of a plan's bucket that may lower what a rank holds.
    static func options(for deployment: Deployment, at length: Int) -> [MemoryRelief] {
        guard let plan = deployment.plan, let bucket = plan.bucket(forLength: length) else {
            return []
        }
        var options: [MemoryRelief] = []
        func add(_ change: String, _ modify: (inout Deployment) -> Void) {
            guard let alternative = Alternative(to: deployment, at: length, modify) else { return }
            options.append(MemoryRelief(change: change, alternative: alternative))
        }
        for recompute in [Plan.Recompute.selective, .full] where recompute != bucket.recompute {
            guard bucket.recompute != .full else { break }
            add("`recompute: \(recompute.rawValue)`") {
                $0.changeBucket(forLength: length) { $0.recompute = recompute }
            }
        }
        if bucket.sequencesPerDataRank.isMultiple(of: 2 * bucket.microBatches) {
            add("`micro_batches: \(2 * bucket.microBatches)`") {
                $0.changeBucket(forLength: length) { $0.microBatches *= 2 }
            }
        }
        let half = bucket.sequencesPerDataRank / 2
        if half > 0, half.isMultiple(of: bucket.microBatches) {
            add("`sequences_per_data_rank: \(half)`, accumulated twice as often") {
                $0.changeBucket(forLength: length) { $0.sequencesPerDataRank = half }
            }
        }
        add("`tensor_parallel: \(2 * bucket.tensorParallel)`") {
            $0.changeBucket(forLength: length) { $0.tensorParallel *= 2 }
        }
        if plan.zeroStage < 1 { add("`zero_stage: 1`") { $0.plan?.zeroStage = 1 } }
        return options
    }
}
