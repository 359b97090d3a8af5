import ApusBase
import ApusControl
import ApusEngine
import ApusPlan
import ApusRuntime
import ApusSystem
import ArgumentParser

/// This process as one rank of a training job.
struct RankProcess {
    let job: TrainingJob
    let rendezvous: Rendezvous
    let options: SharedOptions

    func run() throws {
        let environment = Host.environment()
        if let number = environment["APUS_PARENT_FD"].flatMap({ Int32($0) }) {
            try ParentWatch.start(reading: try Descriptor.inherited(number))
        }
        let report = try environment["APUS_REPORT_FD"].flatMap { Int32($0) }
            .map { try Descriptor.inherited($0) }
        do {
            try train(report: report)
        } catch let error as RuntimeError {
            let failure = RankReport.failure(
                error.description, isCommunication: error.isCommunication)
            tell(report, failure.line)
            printMessage("error: \(error)  [rank-failed]")
            throw ExitCode.no
        } catch let problems as Problems {
            let text = problems.diagnostics.map(\.problem).joined(separator: "; ")
            let failure = RankReport.failure(text, isCommunication: tellsOfLostPeer(text))
            tell(report, failure.line)
            throw problems
        }
    }

    private func train(report: Descriptor?) throws {
        try checkWorldSize()
        let corpus = try Corpus(paths: job.data, vocabulary: job.deployment.model.vocabularySize)
        let output = report == nil && rendezvous.rank.index == 0
            ? try TrainOutput(job: job, options: options, launcher: rendezvous.launcher.rawValue)
            : nil
        output?.banner()
        let engine = try openEngine()
        let rank = try TrainingRank(
            rank: rendezvous.rank, deployment: job.deployment, program: job.program,
            corpus: corpus, engine: engine, meeting: try meeting(engine))
        try rank.train { step in
            tell(report, RankReport.progress(step: step, phase: "training").line)
        } onStep: { record in
            guard rendezvous.rank.index == 0 else { return }
            tell(report, StepLog(record).line)
            output?.step(StepLog(record))
        }
        try output?.summary()
    }

    private func tell(_ report: Descriptor?, _ line: String) {
        // A supervisor that is gone cannot be told; the parent's pipe ends this process then.
        try? report?.write(Array((line + "\n").utf8))
    }

    private func checkWorldSize() throws {
        let expected = job.program.mesh.worldSize
        guard rendezvous.worldSize != expected else { return }
        throw Problems([
            Diagnostic(
                .worldSize, location: Diagnostic.Location(file: job.file), path: "plan",
                problem: "the plan needs \(expected) ranks, "
                    + "\(rendezvous.launcher.rawValue) started \(rendezvous.worldSize)",
                expected: "\(expected) ranks over all hosts")
        ])
    }

    private func openEngine() throws -> Engine {
        do throws(EngineError) {
            let onCPU = try Engine.open(at: job.enginePath)
            let engine = onCPU.deviceCount > 0
                ? try Engine.open(
                    at: job.enginePath,
                    device: .cuda(rendezvous.localRank % onCPU.deviceCount))
                : onCPU
            let sharing = rendezvous.localWorldSize ?? rendezvous.worldSize
            try engine.setThreadCount(max(1, Host.coreCount / sharing))
            return engine
        } catch {
            throw Problems([error.diagnostic])
        }
    }

    /// Opens the store that the ranks find each other through.
    private func meeting(_ engine: Engine) throws -> Communicators.Meeting {
        let (host, port) = (rendezvous.masterAddress, rendezvous.masterPort)
        let (size, timeout) = (rendezvous.worldSize, job.timeoutSeconds)
        do throws(EngineError) {
            let store: Store
            switch rendezvous.storeServer {
            case .this(let descriptor):
                store = try Store.server(
                    engine, listenDescriptor: descriptor, host: host, port: port, worldSize: size,
                    timeoutSeconds: timeout)
            case .other, .agent:
                store = try Store.client(
                    engine, host: host, port: port, worldSize: size, timeoutSeconds: timeout)
            }
            return Communicators.Meeting(
                store: store, prefix: rendezvous.storePrefix,
                host: Host.address(towards: host) ?? "127.0.0.1", timeoutSeconds: timeout)
        } catch {
            throw Problems([error.diagnostic])
        }
    }
}
