import ApusAudit
import ApusBase
import ApusPlan
import ArgumentParser

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Checks a deployment and every claim in it.",
        usage: "apus audit <file> [options]",
        discussion: """
            Each claim is wrong, holds (within 5 %, or inside the claimed range), or is \
            unverifiable: only a run can tell, and the computed value is a prediction. Problems \
            are what nobody claimed. Exit status 1 when a claim is wrong or a problem is an error.

            Examples:
              apus audit Plans/strategy-16gpu.yaml
              apus audit Plans/strategy-16gpu.yaml --json
            """)

    @Argument(help: "The deployment file.")
    var file: String

    @OptionGroup var options: SharedOptions

    func run() throws {
        try answering(options) {
            let read = try loadDeployment(file, leavesOutUnsoundPlan: true)
            let report = Audit(
                of: read.deployment, at: read.positions, knowing: read.notes
            ).report()
            if options.json {
                try printJSON(AuditRecord(report))
            } else {
                printLine(
                    AuditText(report, colored: options.isColored(1), quiet: options.quiet)
                        .description)
            }
            if !report.isClean { throw ExitCode.no }
        }
    }
}
