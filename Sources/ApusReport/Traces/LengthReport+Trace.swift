package import ApusBase
import ApusPlan
package import ApusProgram
package import ApusTrace

extension LengthReport {
    /// What traces of one program tell: a predicted one, a measured one, or both.
    ///
    /// `memoryLimit` is what a GPU has, in bytes, where that is known.
    ///
    /// - Throws: `Problems` where one of them is of another program.
    package init(
        program: Program, predicted: Trace?, measured: Trace?, memoryLimit: Int?
    ) throws(Problems) {
        self.init(sequenceLength: program.shape.sequenceLength)
        let traces = [predicted, measured].compactMap(\.self)
        let steps = traces.compactMap { TracedStep($0, program: program) }
        timeline = Timeline(steps, program: program)
        memory = MemoryPicture(steps, program: program, limit: memoryLimit)
        communication = Matrix(planOf: program)
        for programClass in program.classes {
            stageTimes += steps.compactMap { StageTime($0, stage: programClass.stage) }
        }
        for step in steps {
            let figures = StepFigures(step, memoryLimit: memoryLimit)
            if step.origin == .predicted {
                self.predicted = figures
            } else {
                self.measured = figures
            }
        }
        if let predicted, let measured {
            let comparison = try TraceComparison(
                predicted: predicted, measured: measured, program: program)
            add(comparison)
        }
    }

    private static let differencesMax = 12

    private mutating func add(_ comparison: TraceComparison) {
        differences = comparison.rows.prefix(Self.differencesMax).map {
            Difference(
                kind: $0.kind, predicted: $0.predicted.count, measured: $0.measured.count,
                explanation: $0.explanation)
        }
        measured?.bytesSent = comparison.sent.map { .init(kind: $0.kind, bytes: $0.actual.count) }
        predicted?.bytesSent = comparison.sent.map { .init(kind: $0.kind, bytes: $0.planned.count) }
    }
}

extension StepFigures {
    /// The figures of a traced step, in the mean over its ranks.
    init(_ step: TracedStep, memoryLimit: Int?) {
        self.init()
        let program = step.program
        let stages = program.classes.map { programClass in
            let ranks = step.ranks(of: programClass.stage).map(\.trace.standsFor).reduce(0, +)
            return (ranks: Double(ranks), time: StageTime(step, stage: programClass.stage))
        }
        let ranks = stages.map(\.ranks).reduce(0, +)
        func share(_ part: (StageTime) -> Double) -> Double? {
            guard step.duration > 0, ranks > 0 else { return nil }
            let sum = stages.map { $0.ranks * ($0.time.map(part) ?? 0) }.reduce(0, +)
            return sum / ranks / step.duration
        }
        stepTime = step.duration
        tokensPerSecond = step.duration > 0 ? Double(program.tokensPerStep) / step.duration : nil
        bubble = share(\.bubble)
        communicationExposed = share(\.communicationExposed)
        imbalance = share(\.imbalance)
        utilization = share(\.computation)
        memoryPeak = step.ranks.map(\.trace.memoryPeak.count).max()
        self.memoryLimit = memoryLimit
    }
}

extension Program {
    /// Tokens of one step over all replicas, a carved tensor degree taken into account.
    fileprivate var tokensPerStep: Int {
        shape.tokensPerMicroBatch * shape.microBatches * mesh.degrees.data
    }
}
