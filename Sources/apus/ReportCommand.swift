import ApusBase
import ApusReport
import ApusSystem
import ArgumentParser

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes one HTML file of a deployment and its run.",
        usage: "apus report <file> ... [-o <path>] [options]",
        discussion: """
            Files are told apart by what is in them: a deployment (its lengths are simulated), a \
            log of `apus train --log`, traces, and what `apus audit --json` and `apus plan --json` \
            printed. The page loads nothing and can be mailed.

            Examples:
              apus report Plans/strategy-16gpu.yaml -o report.html
              apus report plan.yaml run.jsonl run.trace audit.json -o report.html
            """)

    @Argument(help: "What to show.")
    var files: [String]

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("The file to write; stdout without it.", valueName: "path"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "What a run was on: a deployment whose cluster is taken, such as one of this machine.",
            valueName: "cluster"))
    var cluster: String?

    @Flag(help: "The log is of a run with `--local`; a trace tells by itself.")
    var local = false

    @Flag(help: "Overwrite the file of `-o`.")
    var force = false

    @OptionGroup var options: SharedOptions

    func validate() throws {
        if force, output == nil { throw ValidationError("`--force` goes with `-o`") }
        if options.json, output == nil {
            throw ValidationError("`--json` goes with `-o`; without it the page is on stdout")
        }
    }

    private struct Written: Encodable {
        var report: String
        var bytes: Int
    }

    func run() throws {
        try answering(options) {
            try refuseToOverwrite([output].compactMap(\.self), force: force, inputs: files)
            var assembly = ReportAssembly(cluster: cluster, local: local)
            for file in files { try assembly.add(file) }
            let made = try assembly.report()
            let told = assembly.notes.filter { !options.quiet || $0.severity != .note }
            printDiagnostics(told, colored: options.isColored(2))
            let page = html(for: made)
            guard let output else { return printLine(page) }
            try writeFileAtomically(Array(page.utf8), to: output)
            if options.json {
                try printJSON(Written(report: output, bytes: page.utf8.count))
            } else if !options.quiet {
                printLine("wrote \(output), \(Bytes(page.utf8.count))")
            }
        }
    }
}
