import ApusAudit
import ApusBase
import ApusCost
import ApusPlan
import ApusSystem
import ArgumentParser

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says where time, memory and bytes go, and why.",
        usage: """
            apus explain <file> [options]
            apus explain <run.jsonl> <file> [options]
            """,
        discussion: """
            With a plan, each sequence length of the workload is priced: the parts of the step's \
            time, then memory and traffic of one rank of each stage. Without one, or with \
            `--model`, the model's weights and FLOPs are explained. Of a run's log, it says \
            whether a stage was consistently slow, and which split of layers would be faster.

            Examples:
              apus explain Plans/strategy-16gpu.yaml --length 1024
              apus explain --model Plans/models/deepseek-v3.json
              apus explain run.jsonl plan.yaml -o balanced.yaml
            """)

    @Argument(help: "The deployment file; before it, the log of a run of it.")
    var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "A Hugging Face `config.json`, alone or instead of the deployment's model.",
            valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var length: Int?

    @Flag(help: "The run was one with `--local`.")
    var local = false

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A file for the deployment with the split that is proposed for a run.",
            valueName: "path"))
    var output: String?

    @Flag(help: "Overwrite the file of `-o`.")
    var force = false

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(length, of: "--length", in: FileSchema.sequenceLength)
        if files.isEmpty, model == nil {
            throw ValidationError("give a deployment file, or `--model` with a `config.json`")
        }
        if files.count > 2 {
            throw ValidationError("give a deployment file, or a run's log and its deployment file")
        }
        if files.count == 2, model != nil || length != nil {
            throw ValidationError("`--model` and `--length` do not go with a run's log")
        }
        if files.count < 2, local || output != nil {
            throw ValidationError("`--local` and `-o` go with a run's log")
        }
        if force, output == nil { throw ValidationError("`--force` goes with `-o`") }
    }

    func run() throws {
        try answering(options) {
            if files.count == 2 { return try explainRun(files[0], of: files[1]) }
            let explanation = try explanation()
            if options.json { return try printJSON(ExplanationRecord(explanation)) }
            for line in ExplanationText(explanation).lines { printLine(line) }
        }
    }

    private func explainRun(_ log: String, of file: String) throws {
        try refuseToOverwrite(
            [output].compactMap(\.self), force: force, inputs: [log, file])
        let run = try MeasuredRun(path: log)
        let input = try SimulationInput(file: file, local: local)
        printDiagnostics(
            input.notes.filter { $0.severity != .note }, colored: options.isColored(2))
        let explanation = try RunExplanation(run, input, file: file)
        if options.json {
            try printJSON(RunExplanationRecord(explanation))
        } else {
            for line in explanation.lines { printLine(line) }
        }
        guard let output, let deployment = explanation.proposed else { return }
        try writeFileAtomically(
            Array(try checkedText(of: deployment, file: output).utf8), to: output)
        if !options.quiet { printMessage("wrote \(output)") }
    }

    private func explanation() throws -> Explanation {
        guard let file = files.first else {
            let config = try loadModel(model ?? "")
            return Explanation(model: config, lengths: [length ?? 4096], deployment: nil)
        }
        let read = try loadDeployment(file)
        printDiagnostics(read.notes, colored: options.isColored(2))
        var deployment = read.deployment
        if let model { deployment.model = try loadModel(model) }
        if let length {
            deployment.workload.sequenceLengths = [length]
            deployment.workload.lengthWeights = nil
        }
        try deployment.requireSound(at: read.positions)
        return Explanation(
            model: deployment.model, lengths: deployment.workload.sequenceLengths,
            deployment: deployment)
    }

    private func loadModel(_ path: String) throws -> Model {
        let file = try loadModelFile(path)
        printDiagnostics(file.notes, colored: options.isColored(2))
        return file.model
    }
}
