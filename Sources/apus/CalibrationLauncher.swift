import ApusBase
import ApusControl
import ApusPlan
import ApusSystem
import ArgumentParser
import Foundation

/// Starts the ranks of a calibration on this host and gathers what they measure.
struct CalibrationLauncher {
    let job: CalibrationJob
    let options: SharedOptions

    func run() throws -> Cluster {
        SignalWatch.block(SignalWatch.supervised)
        let signals = try SignalWatch.start(SignalWatch.supervised)
        let start = monotonicSeconds()
        var lines: [String] = []
        let supervised = SupervisedJob(
            try members(), signals: signals,
            callbacks: SupervisedJob.Callbacks(
                onReport: { _, line in
                    if line.hasPrefix(CalibrationProcess.lineMark) {
                        lines.append(String(line.dropFirst(CalibrationProcess.lineMark.count)))
                    } else if line.hasPrefix(CalibrationProcess.progressMark), !options.quiet {
                        printMessage("\(line)  (\(Int(monotonicSeconds() - start)) s)")
                    }
                },
                onOutput: { rank, line in printMessage("rank \(rank): \(line)") },
                say: { printMessage($0) }))
        switch try supervised.run() {
        case .success:
            return try cluster(lines)
        case .failed(_, let diagnostic):
            printDiagnostics([diagnostic], colored: options.isColored(2))
            throw ExitCode.noAnswer
        case .interrupted:
            printMessage("interrupted: all ranks have ended")
            throw ExitCode.interrupted
        }
    }

    /// What rank 0 wrote, with what only the launcher knows: when, and how it was called.
    private func cluster(_ lines: [String]) throws -> Cluster {
        let text = lines.joined(separator: "\n") + "\n"
        let parts = try readDeploymentParts(
            bytes: Array(text.utf8), file: "rank 0"
        ) { path throws(Problems) in
            throw Problems([Diagnostic(.system, problem: "`\(path)` is not read")])
        }
        guard var cluster = parts.cluster, cluster.calibration?.sources.isEmpty == false else {
            throw Problems([
                Diagnostic(.system, problem: "rank 0 ended without a measurement")
            ])
        }
        let command = ["apus"] + CommandLine.arguments.dropFirst()
        cluster.calibration?.sources[0].date = today()
        cluster.calibration?.sources[0].command = String(
            command.joined(separator: " ").prefix(1000))
        return cluster
    }

    private func members() throws -> [SupervisedJob.Member] {
        let program = try Host.executablePath()
        let environment = Host.environment()
        return (0..<job.ranks).map { index in
            SupervisedJob.Member(
                rank: Rank(index), localRank: index, place: "calibration", program: program,
                arguments: ["apus"] + CommandLine.arguments.dropFirst(), environment: environment)
        }
    }
}

/// The day and the minute on the system's clock, in UTC.
func today() -> String {
    ISO8601DateFormatter().string(from: Date())
}
