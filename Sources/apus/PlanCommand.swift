import ApusBase
import ApusPlan
import ApusPlanner
import ApusSystem
import ArgumentParser

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Finds the best strategy for a model on a cluster.",
        usage: "apus plan [<file>] [options]",
        discussion: """
            Every strategy is searched; the fastest is recommended, or a simpler one that is as \
            fast within half a percent. A plan in the file is compared with it.

            Examples:
              apus plan Plans/mixtral-8x7b.yaml -o mixtral-64.yaml
              apus plan --model config.json --cluster 64xh100-sxm \
            --workload batch=1024,length=4096
              apus plan Plans/mixtral-8x7b.yaml --layout pp2,dp32,ep8
              apus plan Plans/mixtral-8x7b.yaml --tokens 1e12 --days 30 --price 2.5
              apus plan Plans/mixtral-8x7b.yaml --sweep gpus=64,128,256
            """)

    @Argument(help: "A deployment file; its own plan is compared.")
    var file: String?

    @Option(help: ArgumentHelp("A `config.json`, or a file with a model.", valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "GPUs such as `64xh100-sxm`, or a file with a cluster.", valueName: "gpus|file"))
    var cluster: String?

    @Option(
        help: ArgumentHelp(
            "`batch=1024,length=4096,precision=bf16`, or a file with a workload.",
            valueName: "pairs|file"))
    var workload: String?

    @Option(help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var length: Int?

    @Option(help: "How many strategies to rank.")
    var top = 5

    @Option(
        help: ArgumentHelp(
            "Say why these degrees are not the best, such as `pp4,dp4,ep4`.", valueName: "degrees"))
    var layout: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Write the deployment with the plan.", valueName: "file"))
    var output: String?

    @Flag(help: "Overwrite the file of `-o` and of `--pareto`.")
    var force = false

    @Option(help: ArgumentHelp("Draw the Pareto front as SVG.", valueName: "file"))
    var pareto: String?

    @Option(help: "Tokens of a whole training run.")
    var tokens: Double?

    @Option(help: "Days that the run may take; finds the fewest nodes.")
    var days: Double?

    @Option(help: "Price of one GPU for one hour.")
    var price: Double?

    @Option(
        help: ArgumentHelp(
            "Plan for each value of `gpus` or `cluster.bandwidth`.", valueName: "key=values"))
    var sweep: String?

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(length, of: "--length", in: FileSchema.sequenceLength)
        try require(top, of: "--top", in: 1...1000)
        try require(tokens, of: "--tokens", in: 1...1e18)
        try require(days, of: "--days", in: 1e-3...1e5)
        try require(price, of: "--price", in: 0...1e6)
        if file == nil, model == nil {
            throw ValidationError("give a deployment file, or `--model` with a `config.json`")
        }
        if tokens == nil, days != nil || price != nil {
            throw ValidationError("`--days` and `--price` go with `--tokens`")
        }
    }

    func run() throws {
        try answering(options) {
            let sources = PlanSources(
                file: file, model: model, cluster: cluster, workload: workload, length: length)
            let problem = try sources.problem()
            if !options.quiet, !problem.notes.isEmpty {
                printDiagnostics(problem.notes, colored: options.isColored(2))
            }
            let degrees = try layout.map(LayoutArgument.degrees)
            if let sweep {
                return try PlanSweep(sweep).run(problem.search, top: top, options: options)
            }
            try PlanRun(command: self, problem: problem, layout: degrees).run()
        }
    }
}

/// Degrees as `--layout` names them.
enum LayoutArgument {
    static func degrees(_ text: String) throws -> Degrees {
        var degrees = Degrees()
        var seen: Set<String> = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(word.prefix { $0.isLetter })
            guard let value = Int(word.dropFirst(name.count)), FileSchema.ranks.contains(value),
                let path = axes[name], seen.insert(name).inserted
            else {
                throw ValidationError(
                    "`--layout \(text)` has `\(word)`; degrees are such as `pp4,dp4,ep4`, of pp, "
                        + "dp, cp, tp, ep and etp, each once")
            }
            degrees[keyPath: path] = value
        }
        let ranks = [degrees.pipeline, degrees.data, degrees.context, degrees.tensor]
        let expert = [degrees.expert, degrees.expertTensor]
        for product in [ranks, expert]
        where product.map(Double.init).reduce(1, *) > Double(FileSchema.ranks.upperBound) {
            throw ValidationError("`--layout \(text)` has more ranks than Apus handles")
        }
        return degrees
    }

    private static var axes: [String: WritableKeyPath<Degrees, Int>] {
        [
            "pp": \.pipeline, "dp": \.data, "cp": \.context, "tp": \.tensor, "ep": \.expert,
            "etp": \.expertTensor,
        ]
    }
}
