import ApusBase

/// A written schedule against the plan that names it.
extension Validator {
    mutating func checkWritten(_ written: WrittenSchedule, _ plan: Plan) {
        let path = "plan.schedule_file"
        let shape = written.schedule.virtualStages
        if shape.stages != plan.degrees.pipeline {
            report(
                .pipelineDegree, path,
                "`\(path)` has \(counted(shape.stages, "row", "rows")), "
                    + "`plan.pipeline_parallel` is \(plan.degrees.pipeline)",
                expected: "a row for each stage")
        }
        if shape.chunks != plan.chunksPerRank {
            report(
                .pipelineDegree, "plan.chunks_per_rank",
                "`plan.chunks_per_rank` is \(plan.chunksPerRank), each row of `\(path)` holds "
                    + counted(shape.chunks, "virtual stage", "virtual stages"),
                expected: "\(shape.chunks)", hint: "without the key the file alone says it")
        }
        for (index, bucket) in plan.buckets.enumerated() {
            let bucketPath = positions.path(ofBucket: index, in: plan)
            guard
                isKnown("\(bucketPath).micro_batches", "\(bucketPath).sequences_per_data_rank"),
                bucket.microBatchesPerFlush != written.schedule.microBatches
            else { continue }
            report(
                .microBatches, "\(bucketPath).micro_batches",
                "`\(bucketPath).micro_batches` gives "
                    + "\(counted(bucket.microBatchesPerFlush, "micro-batch", "micro-batches")), "
                    + "`\(path)` orders \(written.schedule.microBatches)",
                expected: "\(written.schedule.microBatches), with as many sequences or a multiple")
        }
    }
}
