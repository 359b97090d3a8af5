import ApusAudit
import ApusBase
import ApusCost
import ApusPlan
import ArgumentParser

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says where time, memory and bytes go, and why.",
        usage: "apus explain <file> [options]",
        discussion: """
            With a plan, each sequence length of the workload is priced: the parts of the step's \
            time, then memory and traffic of one rank of each stage. Without one, or with \
            `--model`, the model's weights and FLOPs are explained.

            Examples:
              apus explain Plans/strategy-16gpu.yaml --length 1024
              apus explain --model Plans/models/deepseek-v3.json
            """)

    @Argument(help: "The deployment file.")
    var file: String?

    @Option(
        help: ArgumentHelp(
            "A Hugging Face `config.json`, alone or instead of the deployment's model.",
            valueName: "file"))
    var model: String?

    @Option(help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var length: Int?

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(length, of: "--length", in: FileSchema.sequenceLength)
        if file == nil, model == nil {
            throw ValidationError("give a deployment file, or `--model` with a `config.json`")
        }
    }

    func run() throws {
        try answering(options) {
            let explanation = try explanation()
            if options.json { return try printJSON(ExplanationRecord(explanation)) }
            for line in ExplanationText(explanation).lines { printLine(line) }
        }
    }

    private func explanation() throws -> Explanation {
        guard let file else {
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
