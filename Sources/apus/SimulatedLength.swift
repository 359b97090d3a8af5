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

    /// What becomes of the step's trace.
    enum Tracing {
        case none
        /// It is drawn.
        case shown
        /// It is written to a file, or compared.
        case kept
    }

    var length: Int { step.sequenceLength }
    var tokensPerSecond: Double { Double(step.tokens) / result.stepTime.count }

    /// Simulates the step that trains `step`'s whole batch.
    ///
    /// - Throws: `Problems` where the plan cannot be compiled, or its program not be proven.
    init(
        _ step: Step, conditions: Conditions, deployment: String, tracing: Tracing,
        at positions: KeyPositions
    ) throws(Problems) {
        var shape = StepShape(
            bucket: step.bucket, length: step.sequenceLength, precision: step.workload.precision)
        // Accumulation that keeps the global batch extends the flush.
        shape.microBatches = step.microBatches
        try self.init(
            step, shape: shape, conditions: conditions, deployment: deployment, tracing: tracing,
            at: positions)
    }

    /// Simulates a step of another shape.
    init(
        _ step: Step, shape: StepShape, conditions: Conditions, deployment: String,
        tracing: Tracing,
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
        let subject: Trace.Subject? =
            tracing == .none
            ? nil
            : Trace.Subject(
                deployment: deployment, program: program, isFingerprinted: tracing == .kept)
        result = simulator.run(tracing: subject)
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
