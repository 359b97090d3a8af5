package import ApusBase
package import ApusPlan

/// A deployment with a plan, and the target that it is to be written for.
///
/// The deployment has no problems of severity `error`, so its degrees fill their meshes evenly and
/// no product of its numbers overflows.
package struct ExportRequest: Hashable, Sendable {
    package var deployment: Deployment
    package var plan: Plan
    package var target: ExportTarget
    /// What a batch system starts; the other targets start themselves.
    package var framework: ExportFramework
    /// The deployment's file as the user wrote it; jobs are named after it.
    package var file: String
    /// The one sequence length to write for, in tokens; all buckets of the plan where it is `nil`.
    package var length: Int?
    package var positions: KeyPositions

    package init(
        deployment: Deployment, plan: Plan, target: ExportTarget,
        framework: ExportFramework = .apus, file: String, length: Int? = nil,
        positions: KeyPositions = KeyPositions()
    ) {
        self.deployment = deployment
        self.plan = plan
        self.target = target
        self.framework = framework
        self.file = file
        self.length = length
        self.positions = positions
    }

    /// The files and notes of the target.
    ///
    /// - Throws: `Problems` where no bucket of the plan holds the length.
    package func export() throws(Problems) -> Export {
        let jobs = try self.jobs()
        switch target {
        case .megatron: return MegatronLM(self, jobs).export()
        case .deepspeed: return DeepSpeed(self, jobs).export()
        case .torchtitan: return TorchTitan(self, jobs).export()
        case .slurm: return Slurm(self, jobs).export()
        case .kubernetes: return Kubernetes(self, jobs).export()
        }
    }

    /// One job for each bucket that a sequence length of the workload falls into, or the one for
    /// the length asked for: none of the targets changes its layout while it runs.
    private func jobs() throws(Problems) -> [ExportJob] {
        let buckets = "plan.by_sequence_length"
        let lengths = length.map { [$0] } ?? deployment.workload.sequenceLengths.sorted()
        var jobs: [ExportJob] = []
        for length in lengths {
            guard let index = plan.bucketIndex(forLength: length) else {
                throw Problems([
                    Diagnostic(
                        .sequenceLength, location: positions.location(of: buckets), path: buckets,
                        problem: "no bucket of the plan holds sequences of \(length) tokens",
                        expected: "at most \(plan.buckets.last?.lengthMax ?? 0)")
                ])
            }
            let job = ExportJob(self, bucketIndex: index, sequenceLength: length)
            // Lengths ascend: the longest of a bucket stands for the shorter ones.
            if jobs.last?.bucketPath == job.bucketPath { jobs.removeLast() }
            jobs.append(job)
        }
        return jobs
    }
}
