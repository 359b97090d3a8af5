import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner
import ApusProgram
import ApusSimulator
import ApusTrace

/// One sequence length of a deployment, compiled, proven and simulated.
struct SimulatedLength {
    var step: Step
    var program: Program
    var result: SimulatedStep
    /// The same without the conditions, where there are any.
    var undisturbed: SimulatedStep?
    /// How long each part took.
    var compileSeconds: Double
    var verifySeconds: Double
    var simulateSeconds: Double

    var length: Int { step.sequenceLength }
    var tokensPerSecond: Double { Double(step.tokens) / result.stepTime.count }

    /// Simulates the step that trains `step`'s whole batch.
    ///
    /// - Throws: `Problems` where the plan cannot be compiled, or its program not be proven.
    init(
        _ step: Step, conditions: Conditions, deployment: String, traces: Bool,
        at positions: KeyPositions
    ) throws(Problems) {
        var shape = StepShape(
            bucket: step.bucket, length: step.sequenceLength, precision: step.workload.precision)
        // Accumulation that keeps the global batch extends the flush.
        shape.microBatches = step.microBatches
        try self.init(
            step, shape: shape, conditions: conditions, deployment: deployment, traces: traces,
            at: positions)
    }

    /// Simulates a step of another shape.
    init(
        _ step: Step, shape: StepShape, conditions: Conditions, deployment: String, traces: Bool,
        at positions: KeyPositions
    ) throws(Problems) {
        var step = step
        step.implementation = .compiled
        let clock = ContinuousClock()
        let start = clock.now
        let program = try compile(
            model: step.model, plan: step.plan, shape: shape, at: positions)
        let compiled = clock.now
        let problems = program.verify(for: step.model)
        guard problems.isEmpty else { throw Problems(problems) }
        let verified = clock.now
        var simulator = Simulator(
            program: program, step: step, model: CostModel(cluster: step.cluster))
        simulator.conditions = conditions
        result = simulator.run(tracing: traces ? deployment : nil)
        let simulated = clock.now
        if conditions != Conditions() {
            simulator.conditions = Conditions()
            undisturbed = simulator.run()
        }
        self.step = step
        self.program = program
        compileSeconds = (compiled - start) / .seconds(1)
        verifySeconds = (verified - compiled) / .seconds(1)
        simulateSeconds = (simulated - verified) / .seconds(1)
    }
}

/// A deployment that can be simulated: with a cluster and a plan, found where the file has none.
struct SimulationInput {
    var deployment: Deployment
    var cluster: Cluster
    var plan: Plan
    var positions: KeyPositions
    var notes: [Diagnostic]

    init(file: String) throws {
        let read = try loadDeployment(file)
        deployment = read.deployment
        positions = read.positions
        notes = read.notes
        try deployment.requireSound(at: positions)
        guard let cluster = deployment.cluster else {
            throw Problems([
                Diagnostic(
                    .missingKey, location: Diagnostic.Location(file: file), path: "cluster",
                    problem: "the deployment has no `cluster` to simulate",
                    expected: "a `cluster` section")
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
                    + "\(plan.degrees.layout), \(plan.schedule.rawValue), ZeRO \(plan.zeroStage)",
                hint: "`apus plan \(file) -o planned.yaml` writes it"))
    }

    /// The lengths to simulate: one, or all of the workload.
    func steps(length: Int?) throws(Problems) -> [Step] {
        let lengths = length.map { [$0] } ?? deployment.workload.sequenceLengths
        return try lengths.map { length throws(Problems) in
            guard let bucket = plan.bucket(forLength: length) else {
                let path = "plan.by_sequence_length"
                throw Problems([
                    Diagnostic(
                        .sequenceLength, location: positions.location(of: path), path: path,
                        problem: "no bucket of the plan holds sequences of \(length) tokens",
                        expected: "at most \(plan.buckets.last?.lengthMax ?? 0)")
                ])
            }
            return Step(
                model: deployment.model, cluster: cluster, workload: deployment.workload,
                routing: deployment.routing, plan: plan, bucket: bucket, sequenceLength: length)
        }
    }
}
