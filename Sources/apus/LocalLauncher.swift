import ApusBase
import ApusControl
import ApusEngine
import ApusPlan
import ApusProgram
import ApusSystem
import ArgumentParser
import Foundation

/// Starts a training job's ranks as processes of this host and looks after them.
struct LocalLauncher {
    let job: TrainingJob
    let options: SharedOptions

    func run() throws {
        SignalWatch.block(SignalWatch.supervised)
        let signals = try SignalWatch.start(SignalWatch.supervised)
        try checkHost()
        let output = try TrainOutput(
            job: job, options: options, launcher: Rendezvous.Launcher.apus.rawValue)
        output.banner()
        let supervised = SupervisedJob(
            try members(), signals: signals,
            callbacks: SupervisedJob.Callbacks(
                onReport: { _, line in
                    if line == RankProcess.ready { output.rankIsReady() }
                    if let log = StepLog(line: line) { output.step(log) }
                    if let log = RebalanceLog(line: line) { output.rebalanced(log) }
                },
                onOutput: { rank, line in output.rankOutput(rank, line) },
                say: { printMessage($0) }))
        switch try supervised.run() {
        case .success:
            try output.summary()
        case .failed(_, let diagnostic):
            printDiagnostics([diagnostic], colored: options.isColored(2))
            throw ExitCode.no
        case .interrupted:
            printMessage("interrupted: all ranks have ended")
            throw ExitCode.interrupted
        }
    }

    /// Finds what would fail on every rank, so that it is told once and before any starts.
    ///
    /// Opening the engine starts threads, so the signals must be blocked by now.
    private func checkHost() throws(Problems) {
        let ranks = job.program.mesh.worldSize
        var problems: [Diagnostic] = []
        do throws(EngineError) {
            let engine = try Engine.open(at: job.enginePath)
            problems += job.device.problems(localRanks: ranks, gpus: engine.deviceCount)
        } catch {
            throw Problems([error.diagnostic])
        }
        let memory = Host.memory
        let needs = job.programs.map { HostMemoryNeed($0, model: job.deployment.model) }
        problems +=
            needs.max { $0.total < $1.total }?
            .problems(total: memory.total, available: memory.available) ?? []
        guard problems.allSatisfy({ $0.severity != .error }) else { throw Problems(problems) }
        if !problems.isEmpty { printDiagnostics(problems, colored: options.isColored(2)) }
    }

    private func members() throws -> [SupervisedJob.Member] {
        let program = try Host.executablePath()
        let environment = Host.environment()
        let mesh = job.program.mesh
        return (0..<mesh.worldSize).map { index in
            SupervisedJob.Member(
                rank: Rank(index), localRank: index, place: mesh.describe(Rank(index)),
                program: program, arguments: ["apus"] + CommandLine.arguments.dropFirst(),
                environment: environment)
        }
    }
}
