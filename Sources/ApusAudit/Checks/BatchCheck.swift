import ApusBase
import ApusPlan

/// Whether the sequences of a flush make up the global batch.
struct BatchCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let deployment = audit.deployment
        guard let plan = deployment.plan else { return [] }
        let batch = deployment.workload.sequencesPerBatch
        return plan.buckets.enumerated().compactMap { index, bucket in
            let degrees = plan.degrees.carving(tensor: bucket.tensorParallel)
            let flush = boundedProduct([bucket.sequencesPerDataRank, degrees.data])
            guard flush > 0, flush != batch else { return nil }
            let path = audit.positions.path(ofBucket: index, in: plan)
            let flushes = (batch + flush - 1) / flush
            let details = [
                "\(bucket.sequencesPerDataRank) sequences of a data rank × \(degrees.data) batch "
                    + "replicas (data \(plan.degrees.data) × tensor \(plan.degrees.tensor) ÷ "
                    + "tensor \(degrees.tensor)) = \(flush) in one flush"
            ]
            if batch % flush == 0 {
                return audit.problem(
                    .batchDivision, "\(path).sequences_per_data_rank", severity: .note,
                    "a flush holds \(flush) sequences of the batch's \(batch): a step takes "
                        + "\(flushes) of them", details: details)
            }
            return audit.problem(
                .batchDivision, "\(path).sequences_per_data_rank", severity: .warning,
                "\(counted(flushes, "flush", "flushes")) of \(flush) sequences "
                    + "\(flushes == 1 ? "makes" : "make") a batch of \(flush * flushes), "
                    + "`workload.sequences_per_batch` is \(batch)",
                details: details,
                expected: hint(batch: batch, data: degrees.data))
        }
    }

    private func hint(batch: Int, data: Int) -> String? {
        guard batch % data == 0 else {
            return "`workload.sequences_per_batch` as a multiple of \(data)"
        }
        return "`sequences_per_data_rank` that divides \(batch / data)"
    }
}
