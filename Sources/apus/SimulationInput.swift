import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner
import ApusProgram

/// A deployment that can be simulated: with a cluster and a plan, found where the file has none.
struct SimulationInput {
    var deployment: Deployment
    var cluster: Cluster
    var plan: Plan
    var positions: KeyPositions
    var notes: [Diagnostic]

    /// Reads `file`, of which flags replace the cluster, and what `--local` replaces.
    init(file: String, cluster flag: String? = nil, local: Bool = false) throws {
        let read = try loadDeployment(file)
        deployment = local ? read.deployment.local().deployment : read.deployment
        if let flag { deployment.cluster = try Cluster(ofFlag: flag) }
        positions = read.positions
        notes = read.notes
        try deployment.requireSound(at: positions)
        guard let cluster = deployment.cluster else {
            throw Problems([
                Diagnostic(
                    .missingKey, location: Diagnostic.Location(file: file), path: "cluster",
                    problem: "the deployment has no `cluster` to simulate",
                    expected: "a `cluster` section, or `--cluster` such as `64xh100-sxm`")
            ])
        }
        self.cluster = cluster
        if let plan = deployment.plan {
            self.plan = plan
            return
        }
        let request = PlanRequest(deployment: deployment, cluster: cluster, notes: [])
        guard let best = Planner(request.problem).best() else {
            throw Problems([
                Diagnostic(
                    .planMissing, location: Diagnostic.Location(file: file), path: "plan",
                    problem: "the deployment has no `plan`, and none fits its cluster",
                    hint: "`apus plan \(file)` says what would")
            ])
        }
        plan = best.plan
        deployment.plan = best.plan
        notes.append(
            Diagnostic(
                .planMissing, severity: .note, location: Diagnostic.Location(file: file),
                path: "plan",
                problem: "the deployment has no `plan`; simulated is the best one found: "
                    + "\(plan.degrees.layout), \(plan.schedule.name), ZeRO \(plan.zeroStage)",
                hint: "`apus plan \(file) -o planned.yaml` writes it"))
    }

    /// The lengths to simulate: one, or all of the workload.
    func steps(length: Int?) throws(Problems) -> [Step] {
        let lengths = length.map { [$0] } ?? deployment.workload.sequenceLengths
        return try lengths.map { length throws(Problems) in
            guard let bucket = plan.bucket(forLength: length) else {
                throw Problems([noBucket(for: length)])
            }
            return Step(
                model: deployment.model, cluster: cluster, workload: deployment.workload,
                routing: deployment.routing, plan: plan, bucket: bucket, sequenceLength: length)
        }
    }
}

extension SimulationInput {
    /// The step that `apus train` runs: `sequences` of `length` tokens in `microBatches`.
    func trainingStep(length: Int, sequences: Int, microBatches: Int?) throws -> (Step, StepShape) {
        var run = deployment
        run.run.setLength(length)
        run.run.sequencesPerStep = sequences
        guard var shape = StepShape(training: run) else {
            throw Problems([noBucket(for: length)])
        }
        if let microBatches {
            shape.sequencesPerMicroBatch = max(1, shape.sequencesPerDataRank / microBatches)
            shape.microBatches = microBatches
        }
        guard let step = Step(training: run, plan: plan, shape: shape, on: cluster) else {
            throw Problems([noBucket(for: length)])
        }
        return (step, shape)
    }

    private func noBucket(for length: Int) -> Diagnostic {
        let path = "plan.by_sequence_length"
        return Diagnostic(
            .sequenceLength, location: positions.location(of: path), path: path,
            problem: "no bucket of the plan holds sequences of \(length) tokens",
            expected: "at most \(plan.buckets.last?.lengthMax ?? 0)")
    }
}

extension Step {
    /// The step of a shape that `apus train` runs, as the cost model prices it.
    ///
    /// `nil` where the plan has no bucket for it.
    init?(training deployment: Deployment, plan: Plan, shape: StepShape, on cluster: Cluster) {
        guard var bucket = plan.bucket(forLength: shape.sequenceLength) else { return nil }
        bucket.sequencesPerDataRank = shape.sequencesPerDataRank
        bucket.microBatches = shape.microBatches
        var workload = deployment.workload
        workload.sequencesPerBatch = shape.sequencesPerDataRank * plan.dataReplicas(of: bucket)
        workload.precision = shape.precision
        self.init(
            model: deployment.model, cluster: cluster, workload: workload,
            routing: deployment.routing, plan: plan, bucket: bucket,
            sequenceLength: shape.sequenceLength)
    }
}
