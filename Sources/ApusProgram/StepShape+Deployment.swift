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
    package init?(training deployment: Deployment) {
        let run = deployment.run
        guard let plan = deployment.plan, var bucket = plan.bucket(forLength: run.sequenceLength)
        else { return nil }
        bucket.sequencesPerDataRank = run.sequencesPerStep / plan.degrees.data
        self.init(bucket: bucket, length: run.sequenceLength, precision: run.precision)
    }
}
