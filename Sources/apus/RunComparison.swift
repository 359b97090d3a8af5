import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusSimulator
import ApusTrace

/// A run beside the simulation of the same program.
struct RunComparison {
    /// One figure of both.
    struct Figure {
        var name: String
        var unit: String
        var predicted: Double
        var measured: Double

        var ratio: Double? { predicted > 0 ? measured / predicted : nil }
    }

    let measured: MeasuredRun
    let file: String
    let program: Program
    let predicted: Trace
    let figures: [Figure]
    /// How many steps were measured.
    let stepCount: Int
    /// `nil` for a log, which knows no instructions.
    let comparison: TraceComparison?

    private static let names = [
        (name: "step_time", unit: "s"), ("tokens_per_s", "tokens/s"), ("memory_peak", "B"),
        ("communication", "s"), ("bubble", "s"),
    ]

    init(_ measured: MeasuredRun, _ input: SimulationInput, file: String) throws {
        self.measured = measured
        self.file = file
        let (step, shape) = try Self.step(of: measured, input)
        let simulated = try SimulatedLength(
            step, shape: shape, conditions: Conditions(), deployment: file, tracing: .kept,
            at: input.positions)
        program = simulated.program
        guard let trace = simulated.result.trace else {
            preconditionFailure("a simulation with a name has a trace")
        }
        predicted = trace
        let waits = WaitTimes(trace, program: program)
        // A trace tells what is held between instructions; a log knows the workspace within them.
        let peak =
            measured.trace == nil
            ? simulated.result.memoryPeak : trace.ranks.map(\.memoryPeak).max() ?? .zero
        let expected = [
            simulated.result.stepTime.count, simulated.tokensPerSecond,
            Double(peak.count), waits.collectives, waits.neighbours,
        ]
        let seen: [Double]
        if let trace = measured.trace {
            let comparison = try TraceComparison(
                predicted: predicted, measured: trace, program: program)
            self.comparison = comparison
            stepCount = comparison.stepCount
            let time = comparison.measuredStepTime.count
            let waits = WaitTimes(trace, program: program)
            seen = [
                time, time > 0 ? Double(step.tokens) / time : 0,
                Double(comparison.memory.map(\.measured.count).max() ?? 0), waits.collectives,
                waits.neighbours,
            ]
        } else {
            comparison = nil
            // The first steps allocate and connect; they tell nothing about those that follow.
            let steps = measured.steps.count > 3 ? measured.steps.dropFirst(2) : measured.steps[...]
            stepCount = steps.count
            seen = [
                median(steps.map(\.step_time_s)), median(steps.map(\.tokens_per_s)),
                median(steps.map { Double($0.memory_peak_bytes) }),
                median(steps.map(\.communication_s)), median(steps.map(\.bubble_s)),
            ]
        }
        figures = Self.names.indices.map { index in
            let (name, unit) = Self.names[index]
            return Figure(
                name: name, unit: unit, predicted: expected[index], measured: seen[index])
        }
    }

    /// The step that was run, as far as the run itself says it.
    private static func step(
        of measured: MeasuredRun, _ input: SimulationInput
    ) throws -> (Step, StepShape) {
        let run = input.deployment.run
        guard let subject = measured.trace?.subject else {
            let tokens = measured.steps.first?.tokens ?? 0
            return try input.trainingStep(
                length: run.sequenceLength,
                sequences: max(1, tokens / max(1, run.sequenceLength)), microBatches: nil)
        }
        let replicas = input.plan.degrees.carving(tensor: max(1, subject.tensorParallel)).data
        let (sequences, overflow) = (subject.sequencesPerMicroBatch * subject.microBatches)
            .multipliedReportingOverflow(by: max(1, replicas))
        return try input.trainingStep(
            length: subject.sequenceLength, sequences: overflow ? 1 : max(1, sequences),
            microBatches: subject.microBatches)
    }
}
