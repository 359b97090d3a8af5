import ApusBase
import ApusExport
import ApusPlan
import ArgumentParser
import Foundation

extension ExportTarget: ExpressibleByArgument {}
extension ExportFramework: ExpressibleByArgument {}

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes launch files for other frameworks.",
        usage: "apus export <file> --to <target> [options]",
        discussion: """
            Every target has one configuration per job, so each sequence length of the workload \
            gets a file with its bucket of the plan; `--length` asks for one. What a target \
            cannot express is told on stderr and in the files.

            Examples:
              apus export Plans/strategy-16gpu.yaml --to megatron -o launch
              apus export plan.yaml --to slurm --framework megatron -o launch
              apus export plan.yaml --to kubernetes --length 4096 > job.yaml
            """)

    @Argument(help: "The deployment file.")
    var file: String

    @Option(help: "What to write for.")
    var to: ExportTarget

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("The folder for the files; stdout without it.", valueName: "folder"))
    var output: String?

    @Option(help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var length: Int?

    @Option(help: "What Slurm or Kubernetes starts.")
    var framework = ExportFramework.apus

    @Flag(help: "Overwrite files in the folder of `-o`.")
    var force = false

    @Flag(help: "Exit with status 1 where the target cannot express something.")
    var strict = false

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(length, of: "--length", in: FileSchema.sequenceLength)
        if force, output == nil { throw ValidationError("`--force` goes with `-o`") }
        switch to {
        case .slurm, .kubernetes: break
        case .megatron, .deepspeed, .torchtitan:
            guard framework != .apus else { break }
            throw ValidationError(
                "`--framework` goes with `--to slurm` and `--to kubernetes`; `--to \(to.rawValue)` "
                    + "starts itself")
        }
    }

    func run() throws {
        try answering(options) {
            let read = try loadDeployment(file)
            for note in read.notes { printDiagnostics([note], colored: options.isColored(2)) }
            let deployment = read.deployment
            let plan = try deployment.requirePlan(file: file)
            try deployment.requireSound(at: read.positions)
            let export = try ExportRequest(
                deployment: deployment, plan: plan, target: to, framework: framework, file: file,
                length: length, positions: read.positions
            ).export()
            if let output { try write(export.files, to: output) }
            let told = export.notes.filter { !options.quiet || $0.severity != .note }
            if !told.isEmpty { printDiagnostics(told, colored: options.isColored(2)) }
            if options.json {
                try printJSON(ExportRecord(to, export))
            } else if output == nil {
                printFiles(export.files)
            } else if !options.quiet {
                for file in export.files { printLine("\(output ?? "")/\(file.name)") }
            }
            if strict, export.isLossy { throw ExitCode.no }
        }
    }

    /// Writes the files one after the other, each under a line with its name where there are more.
    private func printFiles(_ files: [ExportedFile]) {
        for (index, file) in files.enumerated() {
            if files.count > 1 {
                printLine("\(index > 0 ? "\n" : "")==> \(file.name) <==")
            }
            printLine(file.text.hasSuffix("\n") ? String(file.text.dropLast()) : file.text)
        }
    }

    private func write(_ files: [ExportedFile], to folder: String) throws {
        try refuseToOverwrite(files.map { "\(folder)/\($0.name)" }, force: force)
        let manager = FileManager.default
        do {
            try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for file in files {
                let path = "\(folder)/\(file.name)"
                try Data(file.text.utf8).write(to: URL(filePath: path), options: .atomic)
                let mode = file.isExecutable ? 0o755 : 0o644
                try manager.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            }
        } catch {
            throw Problems([
                Diagnostic(
                    .system, problem: "cannot write the files to `\(folder)`",
                    details: [(error as NSError).localizedDescription])
            ])
        }
    }
}

/// An export as `--json` gives it out.
private struct ExportRecord: Encodable {
    var target: String
    var files: [FileRecord]
    var notes: [DiagnosticRecord]

    struct FileRecord: Encodable {
        var name: String
        var executable: Bool
        var text: String
    }

    init(_ target: ExportTarget, _ export: Export) {
        self.target = target.rawValue
        files = export.files.map {
            FileRecord(name: $0.name, executable: $0.isExecutable, text: $0.text)
        }
        notes = export.notes.map { DiagnosticRecord($0) }
    }
}
