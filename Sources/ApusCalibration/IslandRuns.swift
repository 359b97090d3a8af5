import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import ApusRouting
import ApusRuntime
import ApusSystem
import ApusTrace

/// Measures whole islands, and what a step does with weights, as the runtime performs them.
///
/// A stack of the model's layers takes training steps with balanced routing, so that caches are as
/// cold as in training. A step has two micro-batches: the first runs backward as a whole, the
/// second in two halves.
struct IslandRuns {
    let engine: Engine
    let shapes: IslandShapes
    /// Steps of each run, at most.
    let stepCount: Int
    let limitSeconds: Double

    /// In the order of their declaration.
    private static let keys = Calibration.IslandKind.allCases.flatMap { kind in
        Calibration.IslandPass.allCases.map { Calibration.Island.Key(kind: kind, pass: $0) }
    }

    /// Adds what was measured; times of weights take the place of those that were measured apart.
    func measure(into result: inout Calibration) throws(EngineError) {
        var updates: [Calibration.KernelKind: [Int: [Double]]] = [:]
        for run in shapes.runs {
            let (program, part) = try trace(run)
            let weights = program.parameterCount(of: program.classes[0], in: run.model)
            var islands: [Calibration.Island.Key: [Double]] = [:]
            for event in part.events {
                let instruction = program.classes[0].instructions[Int(event.instruction)]
                if let key = instruction.measuredIsland {
                    islands[key, default: []].append(event.duration)
                }
                if let kind = instruction.measuredState {
                    updates[kind, default: [:]][weights, default: []].append(event.duration)
                }
            }
            // A single layer is for its weights only.
            guard run.model.layerCount > 1 || shapes.model.layerCount == 1 else { continue }
            result.islands += Self.keys.compactMap { key in
                guard run.expertDegree == 1 || key.kind == .experts, let samples = islands[key]
                else { return nil }
                let timing = Timing(samples)
                return Calibration.Island(
                    kind: key.kind, pass: key.pass, sequences: run.sequences,
                    length: shapes.length,
                    experts: key.kind == .experts ? run.model.expertCount : nil,
                    microseconds: timing.microseconds, spread: timing.roundedSpread)
            }
        }
        if !result.islands.isEmpty {
            result.islandModel = Calibration.IslandModel(shapes.model, type: .fp32)
        }
        result.kernels.removeAll { updates[$0.kind] != nil }
        for kind in Calibration.KernelKind.allCases {
            for (weights, samples) in (updates[kind] ?? [:]).sorted(by: { $0.key < $1.key }) {
                let timing = Timing(samples)
                result.kernels.append(
                    Calibration.Kernel(
                        kind: kind, pass: .forward, numbers: weights,
                        microseconds: timing.microseconds, spread: timing.roundedSpread))
            }
        }
    }

    /// Runs steps until they are enough, and gives the trace without the first two, which warm up.
    private func trace(
        _ run: IslandShapes.Run
    ) throws(EngineError) -> (program: Program, part: RankTrace) {
        let program = program(run)
        let runtime = try Runtime(
            RankSetting(
                rank: Rank(0), model: run.model, program: program,
                settings: RunSettings(
                    learningRate: 1e-5, sequenceLength: shapes.length,
                    sequencesPerStep: 2 * run.sequencesRun, routing: .balanced)),
            engine: engine,
            meeting: Communicators.Meeting(
                store: try Store.inProcess(engine), host: "127.0.0.1", timeoutSeconds: 60))
        runtime.expertSources = run.expertDegree
        runtime.traceLast(stepCount)
        let batches = (0..<2).map { batch(run, seed: UInt64($0)) }
        let start = monotonicSeconds()
        for step in 0..<(stepCount + 2) {
            // The last of the kept steps must not be one that warms up.
            if step == 2 { runtime.traceLast(stepCount) }
            if step > 3, monotonicSeconds() - start > limitSeconds { break }
            do throws(RuntimeError) {
                _ = try runtime.step(step) { batches[$0] }
            } catch {
                throw EngineError("calibrate islands", error.description)
            }
        }
        guard let part = runtime.trace else { preconditionFailure("it was asked for") }
        return (program, part)
    }

    private func batch(_ run: IslandShapes.Run, seed: UInt64) -> TokenBatch {
        var random = SeededGenerator(seed: seed)
        func tokens() -> [Int64] {
            (0..<(run.sequencesRun * shapes.length)).map { _ in
                Int64(random.nextUnit() * Double(run.model.vocabularySize))
            }
        }
        return TokenBatch(inputs: tokens(), targets: tokens())
    }

    private func program(_ run: IslandShapes.Run) -> Program {
        let schedule = PipelineSchedule(
            virtualStages: VirtualStages(stages: 1), microBatches: 2,
            entries: [
                [
                    ScheduleEntry(.forward, 0), ScheduleEntry(.backward, 0),
                    ScheduleEntry(.forward, 1), ScheduleEntry(.inputBackward, 1),
                    ScheduleEntry(.weightBackward, 1),
                ]
            ])
        do throws(Problems) {
            return try compile(
                model: run.model,
                plan: Plan(
                    degrees: Degrees(),
                    schedule: .written(WrittenSchedule(file: "calibration", schedule: schedule)),
                    buckets: []),
                shape: StepShape(
                    sequenceLength: shapes.length, sequencesPerMicroBatch: run.sequencesRun,
                    microBatches: 2))
        } catch {
            preconditionFailure("one rank's program compiles: \(error.diagnostics)")
        }
    }
}

extension Instruction {
    fileprivate var measuredIsland: Calibration.Island.Key? {
        switch self {
        case .forward(let run): key(run.island, .forward)
        case .backward(let run): key(run.island, run.factors == nil ? .backward : .backwardInputs)
        case .weightBackward(let run): key(run.island, .backwardWeights)
        case .zeroGradients, .start, .wait, .free, .gradientNorm, .optimizerStep: nil
        }
    }

    private func key(
        _ island: Island, _ pass: Calibration.IslandPass
    ) -> Calibration.Island.Key? {
        let kind: Calibration.IslandKind
        switch island {
        case .embedding: kind = .embedding
        case .attention: kind = .attention
        case .experts: kind = .experts
        case .residual: kind = .residual
        case .head: kind = .head
        // Parts of layers that the runtime does not train yet.
        case .norm, .heads, .router, .feedForward: return nil
        }
        return Calibration.Island.Key(kind: kind, pass: pass)
    }

    fileprivate var measuredState: Calibration.KernelKind? {
        switch self {
        case .zeroGradients: .clearing
        case .gradientNorm: .gradientNorm
        case .optimizerStep: .optimizer
        case .forward, .backward, .weightBackward, .start, .wait, .free: nil
        }
    }
}
