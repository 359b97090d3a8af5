import ApusBase
import ApusCost
import ApusPlan

/// Whether a pipeline has micro-batches enough to keep all its stages busy at once.
struct PipelineFillCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        guard let plan = audit.deployment.plan else { return [] }
        return plan.buckets.enumerated().compactMap { index, bucket in
            let stages = plan.degrees.pipeline
            let batches = bucket.microBatchesPerFlush
            guard batches < stages else { return nil }
            let path = audit.positions.path(ofBucket: index, in: plan)
            let idle = plan.idleShare(microBatches: batches)
            let step = accumulatedStep(audit, of: bucket)
            let accumulated = step.map { step in
                "a step takes \(step.accumulation) times these sequences in one flush of "
                    + "\(step.microBatches) micro-batches: bubble \(percent(step.bubble))"
            }
            return audit.problem(
                .pipelineFill, "\(path).micro_batches", severity: .warning,
                "`\(path).micro_batches` is \(batches), fewer than the \(stages) stages: "
                    + "\(stages - batches) of them idle at any time"
                    + (step == nil ? "" : " without accumulation"),
                details: ["bubble \(idle.why)"] + (accumulated.map { [$0] } ?? []),
                expected: "at least \(stages), better \(4 * stages) or more",
                hint: hint(audit, bucket: bucket, stages: stages))
        }
    }

    /// The step of a bucket whose sequences make up the batch only several times.
    private func accumulatedStep(_ audit: Audit, of bucket: Plan.Bucket) -> Step? {
        let longest = bucket.lengthMax ?? audit.deployment.workload.sequenceLengths.last
        guard let longest, let step = audit.quantities.step(at: longest), step.accumulation > 1
        else { return nil }
        return step
    }

    /// More micro-batches of the same sequences, priced.
    private func hint(_ audit: Audit, bucket: Plan.Bucket, stages: Int) -> String? {
        let deployment = audit.deployment
        let lengths = deployment.workload.sequenceLengths
        let length = lengths.last { deployment.plan?.bucket(forLength: $0) == bucket }
        guard let length, let planned = Alternative(to: deployment, at: length) else { return nil }
        let possible = divisors(of: bucket.sequencesPerDataRank)
        let options = possible.filter { $0 > bucket.microBatches }.compactMap { batches in
            Alternative(to: deployment, at: length) {
                $0.changeBucket(forLength: length) { $0.microBatches = batches }
            }
        }
        guard let best = options.min(by: { $0.prediction.stepTime < $1.prediction.stepTime }),
            best.prediction.stepTime < planned.prediction.stepTime
        else { return nil }
        return "`micro_batches: \(best.step.bucket.microBatches)` has a bubble of "
            + "\(percent(best.bubble)): \(best.prediction.stepTime) a step instead of "
            + "\(planned.prediction.stepTime)"
    }
}
