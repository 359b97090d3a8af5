import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import Foundation
import Synchronization

@testable import ApusRuntime

/// A job whose ranks are threads of the test, over a store of the process.
struct LocalJob {
    var model: Model
    var degrees: Degrees
    var microBatches: Int
    /// Ranks of the data axis that share a micro-batch in slices.
    var tensorParallel = 1
    var schedule = Plan.Schedule.oneForwardOneBackward
    var chunks = 1
    var recompute = Plan.Recompute.none
    var placement = Plan.Placement.outermost
    var steps = 5
    var layersPerStage: [Int]?
    /// Layers of each virtual stage after so many steps.
    var moves: [Int: [Int]] = [:]
    var settings = RunSettings(
        seed: 3, steps: 5, learningRate: 1e-3, warmupSteps: 2, gradientClip: 0.05,
        sequenceLength: 16)
    static let sequencesPerStep = 16

    /// What the ranks held, gathered by global name.
    struct Outcome: Equatable, Sendable {
        var losses: [Double] = []
        /// One row per rank.
        var gradientNorms: [[Double]] = []
        var gradients: [String: [Float]] = [:]
        var parameters: [String: [Float]] = [:]
        /// What two ranks that hold a copy of a weight disagree on.
        var differingCopies: Set<String> = []
    }

    static func engine() throws -> Engine? {
        // PyTorch 2.11 keeps a flight recorder that several ranks of one process race on.
        setenv("TORCH_FR_BUFFER_SIZE", "0", 0)
        guard let path = Engine.locate(environment: ProcessInfo.processInfo.environment) else {
            return nil
        }
        let engine = try Engine.open(at: path)
        try engine.setThreadCount(1)
        return engine
    }

    func run(_ engine: Engine) throws -> Outcome {
        let program = try program(layersPerStage)
        let store = try Store.inProcess(engine)
        let outcome = Mutex(Outcome(gradientNorms: [], gradients: [:], parameters: [:]))
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        for index in 0..<degrees.worldSize {
            group.enter()
            let thread = Thread {
                defer { group.leave() }
                do {
                    let rank = Rank(index)
                    let result = try runRank(rank, program, engine, store)
                    outcome.withLock { $0.merge(result, rank: rank, program: program) }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            thread.stackSize = 16 << 20
            thread.start()
        }
        guard group.wait(timeout: .now() + 120) == .success else { throw Failure(text: "timeout") }
        let problems = failures.withLock { $0 }
        guard problems.isEmpty else { throw Failure(text: problems.joined(separator: "; ")) }
        return outcome.withLock { $0 }
    }

    private func program(_ layersPerStage: [Int]?) throws -> Program {
        let plan = Plan(
            degrees: degrees, schedule: schedule, chunksPerRank: chunks,
            pipelinePlacement: placement, layersPerStage: layersPerStage, buckets: [])
        let shape = StepShape(
            sequenceLength: settings.sequenceLength,
            sequencesPerMicroBatch: Self.sequencesPerStep
                / degrees.carving(tensor: tensorParallel).data / microBatches,
            microBatches: microBatches, tensorParallel: tensorParallel, recompute: recompute)
        return try compile(model: model, plan: plan, shape: shape)
    }

    struct Failure: Error, CustomStringConvertible {
        var text: String
        var description: String { text }
    }

    private func runRank(
        _ rank: Rank, _ program: Program, _ engine: Engine, _ store: Store
    ) throws -> Outcome {
        let setting = RankSetting(rank: rank, model: model, program: program, settings: settings)
        let meeting = Communicators.Meeting(store: store, host: "127.0.0.1", timeoutSeconds: 60)
        var runtime = try Runtime(setting, engine: engine, meeting: meeting)
        let plan = BatchPlan(program, rank: rank)
        var outcome = Outcome()
        outcome.gradientNorms = [[]]
        for step in 0..<steps {
            let record = try runtime.step(step) { microBatch in
                plan.batch(step: step, microBatch: microBatch, window: window)
            }
            outcome.losses.append(record.loss)
            outcome.gradientNorms[0].append(record.gradientNorm)
            if step == 0 {
                outcome.gradients = try runtime.parameters.pieces { try $0.gradient($1) }
            }
            if let layers = moves[step + 1] {
                runtime = try runtime.moved(
                    to: try self.program(layers), meeting: meeting.under("after-\(step + 1)"))
            }
        }
        outcome.parameters = try runtime.parameters.pieces { try $0.value($1) }
        return outcome
    }

    /// Random tokens that are a pure function of the position.
    private func window(_ position: Int) -> [Int64] {
        var generator = SeededGenerator(seed: mixed(UInt64(position)) ^ 77)
        return (0...settings.sequenceLength).map { _ in
            Int64(generator.next() % UInt64(model.vocabularySize))
        }
    }
}

extension LocalJob.Outcome {
    mutating func merge(_ other: LocalJob.Outcome, rank: Rank, program: Program) {
        losses = other.losses
        gradientNorms += other.gradientNorms
        for (name, values) in other.gradients {
            if let copy = gradients.updateValue(values, forKey: name), copy != values {
                differingCopies.insert("gradient of \(name)")
            }
        }
        for (name, values) in other.parameters {
            if let copy = parameters.updateValue(values, forKey: name), copy != values {
                differingCopies.insert(name)
            }
        }
    }
}

/// The relative L2 distance of each tensor, the greatest over all.
func greatestDistance(_ one: [String: [Float]], _ other: [String: [Float]]) -> Double {
    guard one.keys.sorted() == other.keys.sorted() else { return .infinity }
    return one.map { name, values in
        guard let reference = other[name], reference.count == values.count else {
            return Double.infinity
        }
        var difference = 0.0
        var size = 0.0
        for (value, expected) in zip(values, reference) {
            difference += Double(value - expected) * Double(value - expected)
            size += Double(expected) * Double(expected)
        }
        return size == 0 ? difference.squareRoot() : (difference / size).squareRoot()
    }.max() ?? 0
}
