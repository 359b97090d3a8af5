import ApusBase
import ApusControl
import ApusEngine
import ApusPlan
import ApusProgram
import ApusRuntime
import ApusSimulator
import ApusSystem
import ApusTrace
import ArgumentParser

/// This process as one rank of a training job.
struct RankProcess {
    let job: TrainingJob
    let rendezvous: Rendezvous
    let options: SharedOptions

    func run() throws {
        let environment = Host.environment()
        SignalWatch.block([.interrupt, .terminate, .hangUp])
        let stop = try StopRequest.on()
        let supervisor = try SupervisorLink.connect(environment)
        do {
            try train(stop, supervisor, environment)
        } catch let problems as Problems {
            guard let supervisor else { throw problems }
            let text = problems.diagnostics.map(\.problem).joined(separator: "; ")
            tell(supervisor, .failure(text, isCommunication: tellsOfLostPeer(text)))
            throw ExitCode.noAnswer
        }
    }

    /// What a rank tells its supervisor when it holds its weights and has joined its groups.
    static let ready = "ready"

    /// Leaves a failure to the supervisor, which knows who is to blame and prints that alone.
    private func tell(_ supervisor: SupervisorLink, _ report: RankReport) {
        // A supervisor that is gone cannot be told, and ends this process anyway.
        try? supervisor.report(report)
    }

    private func train(
        _ stop: StopRequest, _ supervisor: SupervisorLink?, _ environment: [String: String]
    ) throws {
        try checkWorldSize()
        let corpus = try Corpus(paths: job.data, vocabulary: job.deployment.model.vocabularySize)
        let output =
            supervisor == nil && rendezvous.rank.index == 0
            ? try TrainOutput(job: job, options: options, launcher: rendezvous.launcher.rawValue)
            : nil
        output?.banner()
        let engine = try openEngine()
        let meeting = try rendezvous.meeting(
            engine, environment, timeoutSeconds: job.timeoutSeconds)
        var rank = try TrainingRank(
            rank: rendezvous.rank, deployment: job.deployment, programs: job.programs,
            corpus: corpus, engine: engine, meeting: meeting)
        var balance = RankBalance(job, rank: rendezvous.rank, meeting: meeting)
        let stage = job.program.mesh.position(of: rendezvous.rank).stage
        for slow in job.slowStages where slow.stage == stage { rank.slowDown(by: slow.factor) }
        try? supervisor?.send(Self.ready)
        if let trace = job.trace { rank.traceLast(trace.stepCount) }
        stop.beginLoop()
        let isComplete: Bool
        do throws(RuntimeError) {
            isComplete = try rank.train {
                stop.signal != nil
            } onStart: { step in
                try? supervisor?.report(.progress(step: step, phase: "training"))
            } onStep: { record in
                guard rendezvous.rank.index == 0 else { return }
                try? supervisor?.send(StepLog(record).line)
                output?.step(StepLog(record))
            } nextProgram: { record throws(Problems) in
                try balance?.next(after: record) { move in
                    try? supervisor?.send(move.line)
                    output?.rebalanced(move)
                }
            }
        } catch {
            end(after: error, supervisor)
        }
        try writeTrace(of: rank)
        try output?.summary()
        // Another rank may have been the one that was asked to stop.
        if !isComplete { throw ExitCode.interrupted }
    }

    /// Gathers what the ranks noted and writes it; rank 0 does, in one go.
    private func writeTrace(of rank: borrowing TrainingRank) throws {
        guard let path = job.trace?.path,
            let trace = try rank.collectTrace(of: job.file)
        else { return }
        do throws(SystemError) {
            try writeFileAtomically(Array(trace.text.utf8), to: path)
        } catch {
            throw Problems([error.diagnostic])
        }
    }

    /// Tells of a failure and ends the process where it stands.
    ///
    /// Leaving the groups in order would wait for collectives that the others may never join, and
    /// nobody would hear of the failure until then.
    private func end(after error: RuntimeError, _ supervisor: SupervisorLink?) -> Never {
        let text = error.description
        let isLostPeer = error.isCommunication && tellsOfLostPeer(text)
        if let supervisor {
            tell(supervisor, .failure(text, isCommunication: isLostPeer))
        } else {
            printDiagnostics([error.diagnostic], colored: options.isColored(2))
        }
        endProcess(status: ExitCode.no.rawValue)
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

    private func openEngine() throws(Problems) -> Engine {
        let sharing = rendezvous.localWorldSize ?? rendezvous.worldSize
        let problems: [Diagnostic]
        do throws(EngineError) {
            let onCPU = try Engine.open(at: job.enginePath)
            problems = job.device.problems(localRanks: sharing, gpus: onCPU.deviceCount)
            if problems.isEmpty { return try open(onCPU, sharing: sharing) }
        } catch {
            throw Problems([error.diagnostic])
        }
        throw Problems(problems)
    }

    /// The engine on this rank's device, with this rank's share of the host's cores.
    private func open(_ onCPU: Engine, sharing: Int) throws(EngineError) -> Engine {
        let device = job.device.device(
            localRank: rendezvous.localRank, localRanks: sharing, gpus: onCPU.deviceCount)
        let engine = device == .cpu ? onCPU : try Engine.open(at: onCPU.path, device: device)
        try engine.setThreadCount(max(1, Host.coreCount / sharing))
        return engine
    }
}
