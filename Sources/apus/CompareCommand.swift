import ApusBase
import ApusPlan
import ApusProgram
import ApusSimulator
import ApusSystem
import ApusTrace
import ArgumentParser

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Sets a run beside its prediction, and says why.",
        usage: "apus compare <run> <file> [options]",
        discussion: """
            A trace of `apus train --trace` is compared instruction by instruction; a log of \
            `--log` has step time, memory and waiting only. The same program is simulated.

            Examples:
              apus train Plans/small.yaml --data README.md --trace run.trace
              apus compare run.trace Plans/small.yaml
              apus compare run.jsonl plan.yaml --local --cluster this-machine.yaml
            """)

    @Argument(help: ArgumentHelp("A trace or a log of `apus train`.", valueName: "run"))
    var measured: String

    @Argument(help: "The deployment file that was trained.")
    var file: String

    @Flag(help: "The run was started with `--local`.")
    var local = false

    @Option(
        help: ArgumentHelp(
            "A deployment whose cluster is taken, such as one of this machine.",
            valueName: "cluster"))
    var cluster: String?

    @Option(
        help: ArgumentHelp("A file for both timelines, for Perfetto.", valueName: "path"))
    var trace: String?

    @Flag(help: "Overwrite the file of `--trace`.")
    var force = false

    @OptionGroup var options: SharedOptions

    func validate() throws {
        if force, trace == nil { throw ValidationError("`--force` goes with `--trace`") }
    }

    func run() throws {
        try answering(options) {
            try refuseToOverwrite(
                [trace].compactMap(\.self), force: force, inputs: [measured, file])
            let run = try MeasuredRun(path: measured)
            if trace != nil, run.trace == nil {
                throw ValidationError("`--trace` shows a trace beside its prediction, not a log")
            }
            let input = try SimulationInput(file: file, cluster: cluster, local: local)
            printDiagnostics(
                input.notes.filter { $0.severity != .note }, colored: options.isColored(2))
            let comparison = try RunComparison(run, input, file: file)
            if let trace { try write(comparison, to: trace) }
            if options.json { return try printJSON(ComparisonRecord(comparison)) }
            for line in ComparisonText(comparison, isQuiet: options.quiet).lines {
                printLine(line)
            }
        }
    }

    private func write(_ comparison: RunComparison, to path: String) throws {
        let traces = [comparison.predicted, comparison.measured.trace].compactMap(\.self)
        let text = ChromeTrace(traces, program: comparison.program).text
        try writeFileAtomically(Array(text.utf8), to: path)
        if !options.quiet { printMessage("wrote \(path)") }
    }
}

/// What a run left: a trace, or the lines of a log.
struct MeasuredRun {
    var path: String
    var trace: Trace?
    var steps: [StepLog] = []
    /// Layers that went to other stages in the run.
    var moves: [RebalanceLog] = []

    init(path: String) throws {
        self.path = path
        let bytes = try readFile(path, limit: TraceLimits.fileSize.count)
        let text = String(decoding: bytes.prefix(Self.markLength), as: UTF8.self)
        if text.hasPrefix("{\"apus_trace\"") {
            trace = try Trace(bytes: bytes, file: path)
            return
        }
        for bytes in bytes.split(separator: 10).prefix(Self.lineCountMax) {
            let line = String(decoding: bytes, as: UTF8.self)
            if let step = StepLog(line: line) {
                steps.append(step)
            } else if let move = RebalanceLog(line: line) {
                moves.append(move)
            }
        }
        guard steps.isEmpty else { return }
        throw Problems([
            Diagnostic(
                .traceSyntax, location: Diagnostic.Location(file: path, line: 1),
                problem: "the file is neither a trace nor a log of `apus train`",
                expected: "what `apus train --trace` or `apus train --log` wrote")
        ])
    }

    private static let markLength = 16
    private static let lineCountMax = 1 << 20
}
