import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import ApusRuntime
import ApusSystem
import Synchronization

/// A job of a few steps whose ranks are threads of this process.
struct LocalRanks {
    let model: Model
    /// Programs that the steps run in turn, over one set of weights.
    let programs: [Program]
    let settings: RunSettings
    let timeoutSeconds: Double

    /// Runs the job and gathers what its ranks held.
    ///
    /// - Throws: `Problems` with what the first rank that failed said.
    func run(_ engine: Engine) throws(Problems) -> Outcome {
        let store: Store
        do throws(EngineError) {
            store = try Store.inProcess(engine, timeoutSeconds: timeoutSeconds)
        } catch {
            throw Problems([error.diagnostic])
        }
        let gathered = Gathered()
        do throws(SystemError) {
            try onThreads(programs[0].mesh.worldSize) { index in
                let rank = Rank(index)
                do {
                    let part = try runRank(rank, engine, store)
                    gathered.outcome.withLock { $0.merge(part) }
                } catch {
                    gathered.failures.withLock { $0.append((rank: index, text: "\(error)")) }
                }
            }
        } catch {
            throw Problems([error.diagnostic])
        }
        let failures = gathered.failures.withLock { $0 }
        if let first = failures.first {
            throw Problems([
                Diagnostic(
                    .rankFailed, problem: "rank \(first.rank) could not run: \(first.text)",
                    details: failures.dropFirst().prefix(3).map { "rank \($0.rank): \($0.text)" })
            ])
        }
        return gathered.outcome.withLock { $0 }
    }

    /// One rank for itself, which stops after the step in which a router came too close to a tie.
    func runAlone(_ engine: Engine) throws(Problems) -> (outcome: Outcome, tieDistance: Double)? {
        let ties = TieWatch()
        do {
            let store = try Store.inProcess(engine, timeoutSeconds: timeoutSeconds)
            let outcome = try runRank(Rank(0), engine, store, ties: ties)
            guard outcome.losses.count == settings.steps else { return nil }
            return (outcome, ties.distanceMin)
        } catch let error as EngineError {
            throw Problems([error.diagnostic])
        } catch {
            throw Problems([
                Diagnostic(.rankFailed, problem: "one rank could not run: \(error)")
            ])
        }
    }

    private func runRank(
        _ rank: Rank, _ engine: Engine, _ store: Store, ties: TieWatch? = nil
    ) throws -> Outcome {
        let setting = RankSetting(
            rank: rank, model: model, program: programs[0], settings: settings)
        let meeting = Communicators.Meeting(
            store: store, host: "127.0.0.1", timeoutSeconds: timeoutSeconds)
        let first = try Runtime(setting, engine: engine, meeting: meeting)
        try first.spreadScores()
        var runtimes = [first]
        for program in programs.dropFirst() {
            runtimes.append(try first.beside(program, meeting: meeting))
        }
        for runtime in runtimes { runtime.ties = ties }
        var outcome = Outcome()
        var norms: [Double] = []
        for step in 0..<settings.steps {
            let runtime = runtimes[step % runtimes.count]
            let program = runtime.setting.program
            let batches = BatchPlan(program, rank: rank)
            let record = try runtime.step(step) { microBatch in
                batches.batch(step: step, microBatch: microBatch) { position in
                    window(position, length: program.shape.sequenceLength)
                }
            }
            outcome.losses.append(record.loss)
            norms.append(record.gradientNorm)
            if step == 0 { outcome.gradients = try first.parameters.pieces { try $0.gradient($1) } }
            if let ties, ties.distanceMin < Tolerance.tieDistance { return Outcome() }
        }
        outcome.gradientNorms = [norms]
        outcome.parameters = try first.parameters.pieces { try $0.value($1) }
        return outcome
    }

    /// Random tokens that are a pure function of seed and position, `[length + 1]`.
    private func window(_ position: Int, length: Int) -> [Int64] {
        let seed = mixed(UInt64(settings.seed)) ^ mixed(UInt64(position))
        var generator = SeededGenerator(seed: seed)
        return (0...length).map { _ in
            Int64(generator.next() % UInt64(model.vocabularySize))
        }
    }
}

/// What threads add to under a lock.
private final class Gathered: Sendable {
    let outcome = Mutex(Outcome())
    let failures = Mutex<[(rank: Int, text: String)]>([])
}

extension Runtime {
    /// Widens the routers' weights so that their scores lie apart as those of a trained model do.
    ///
    /// At the start of training all scores are nearly equal, and every token is close to a tie.
    fileprivate func spreadScores() throws(EngineError) {
        let model = setting.model
        let factor = 2 / (0.02 * Double(model.hiddenSize).squareRoot())
        for parameter in parameters.parameters where parameter.kind == .router {
            try parameters.value(parameter.name).scale(by: factor)
        }
    }
}
