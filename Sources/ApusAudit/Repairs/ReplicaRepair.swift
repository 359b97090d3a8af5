import ApusPlan

/// The ways to as many batch replicas, or as large a flush, as a claim says.
enum ReplicaRepair {
    static func options(
        for audit: Audit, _ claim: Claim, _ quantity: Quantity, at length: Int
    ) -> [Change] {
        let deployment = audit.deployment
        guard let plan = deployment.plan, let bucket = plan.bucket(forLength: length) else {
            return []
        }
        let carved = plan.degrees.carving(tensor: bucket.tensorParallel)
        var list = ChangeList(to: deployment, at: length)
        list.add("as planned, \(carved.data) replicas")
        if bucket.tensorParallel != plan.degrees.tensor {
            list.addBucket("`tensor_parallel: \(plan.degrees.tensor)` in the bucket") {
                $0.tensorParallel = plan.degrees.tensor
            }
            let factor = bucket.tensorParallel / plan.degrees.tensor
            var wider = plan.degrees
            wider.data *= factor
            list.add("`data_parallel: \(wider.data)` on \(factor) times the GPUs") { changed in
                let buckets = changed.plan?.buckets ?? []
                changed.changeDegrees(to: wider)
                changed.plan?.buckets = buckets
            }
        }
        guard quantity == .sequencesPerFlush, case .number(let number) = claim.value,
            let flush = Int(exactly: number), flush > 0, flush.isMultiple(of: carved.data)
        else { return list.changes }
        let share = flush / carved.data
        let size = max(1, bucket.sequencesPerDataRank / bucket.microBatches)
        list.addBucket("`sequences_per_data_rank: \(share)` in \(share / size) micro-batches") {
            $0.sequencesPerDataRank = share
            $0.microBatches = max(1, share / size)
        }
        return list.changes
    }
}
