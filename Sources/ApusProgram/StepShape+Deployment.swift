package import ApusPlan

extension StepShape {
    /// The step of a plan's bucket for sequences of `length` tokens.
    ///
    /// Micro-batches are as many as the bucket says, or one for each sequence where there are
    /// fewer.
    package init(bucket: Plan.Bucket, length: Int, precision: Precision) {
        let microBatches = bucket.microBatchesPerFlush
        self.init(
            sequenceLength: length,
            sequencesPerMicroBatch: bucket.sequencesPerDataRank / microBatches,
            microBatches: microBatches, tensorParallel: bucket.tensorParallel,
            recompute: bucket.recompute, precision: precision)
    }

    /// The step that a deployment's run section trains with, or `nil` where it has no plan for it.
    ///
    /// Where a data rank's share of the global batch is several times what the bucket says, its
    /// gradients are accumulated: the flush has so many times the bucket's micro-batches.
    package init?(training deployment: Deployment) {
        self.init(training: deployment, length: deployment.run.sequenceLength)
    }

    /// The same for one of the run's lengths.
    package init?(training deployment: Deployment, length: Int) {
        let run = deployment.run
        guard let plan = deployment.plan, var bucket = plan.bucket(forLength: length)
        else { return nil }
        let share = run.sequencesPerStep / plan.dataReplicas(of: bucket)
        guard plan.accumulates(sequences: share, in: bucket) else {
            bucket.sequencesPerDataRank = share
            self.init(bucket: bucket, length: length, precision: run.precision)
            return
        }
        self.init(bucket: bucket, length: length, precision: run.precision)
        microBatches *= share / bucket.sequencesPerDataRank
    }
}
