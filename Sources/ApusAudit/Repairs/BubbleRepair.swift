import ApusPlan

/// The ways to a smaller bubble.
enum BubbleRepair {
    static func options(for deployment: Deployment, at length: Int) -> [Change] {
        guard let plan = deployment.plan, let bucket = plan.bucket(forLength: length),
            plan.degrees.pipeline > 1
        else { return [] }
        var list = ChangeList(to: deployment, at: length)
        let sequences = bucket.sequencesPerDataRank
        if sequences > bucket.microBatches {
            list.addBucket("`micro_batches: \(sequences)`, one sequence each") {
                $0.microBatches = sequences
            }
        }
        let batch = deployment.workload.sequencesPerBatch
        let data = plan.degrees.carving(tensor: bucket.tensorParallel).data
        if sequences * data < batch, batch.isMultiple(of: data) {
            let share = batch / data
            let size = max(1, sequences / bucket.microBatches)
            list.addBucket(
                "the whole batch in one flush: `sequences_per_data_rank: \(share)`, "
                    + "`micro_batches: \(share / size)`"
            ) {
                $0.sequencesPerDataRank = share
                $0.microBatches = share / size
            }
        }
        if plan.schedule == .oneForwardOneBackward {
            list.add("`schedule: interleaved_1f1b`, `chunks_per_rank: 2`") {
                $0.plan?.schedule = .interleaved
                $0.plan?.chunksPerRank = 2
                $0.plan?.layersPerStage = nil
            }
            list.add("`schedule: zero_bubble_h1`") { $0.plan?.schedule = .zeroBubbleH1 }
        }
        var flat = plan.degrees
        flat.data = flat.data * flat.pipeline
        flat.pipeline = 1
        list.add("`pipeline_parallel: 1`, `data_parallel: \(flat.data)`") {
            $0.changeDegrees(to: flat)
            $0.plan?.schedule = .oneForwardOneBackward
            $0.plan?.chunksPerRank = 1
        }
        return list.changes
    }
}
