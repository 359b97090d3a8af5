import ApusBase
import ApusPlan
import ApusPlanner
import ApusSystem
import ArgumentParser
<<<<<<< HEAD
=======
import Foundation
>>>>>>> plancli

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
<<<<<<< HEAD
        abstract: "Finds the best strategy for a model, a cluster and a workload.",
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
=======
        abstract: "Finds the best plan for a model on a cluster.",
        usage: "apus plan [<file>] [options]",
        discussion: """
            Searches all strategies and ranks them by step time, one for each set of degrees. A \
            plan of the file itself is priced beside them. Exit status 1 where nothing fits.

            Examples:
              apus plan Plans/mixtral-8x7b.yaml -o found.yaml
              apus plan --model config.json --cluster 64xh100-sxm --workload deployment.yaml
              apus plan Plans/mixtral-8x7b.yaml --sweep gpus=64,128,256
              apus plan Plans/mixtral-8x7b.yaml --tokens 1e12 --days 30 --price 2.5
            """)

    @Argument(help: "The deployment file.")
    var file: String?

    @OptionGroup var inputs: PlanInputs

    @Option(help: ArgumentHelp("How many plans to show.", valueName: "count"))
    var top = 5

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("Write the deployment with its plan here.", valueName: "file"))
    var output: String?

    @Flag(help: "Overwrite the files of `-o` and `--pareto`.")
    var force = false

    @Option(help: ArgumentHelp("Write the Pareto front here as SVG.", valueName: "file"))
    var pareto: String?

    @OptionGroup var budget: PlanBudgetOptions

    @Option(
        help: ArgumentHelp(
            "Plan for several `gpus=` or factors of `cluster.bandwidth=`.", valueName: "axis=a,b"))
    var sweep: PlanSweepAxis?
>>>>>>> plancli

    @OptionGroup var options: SharedOptions

    func validate() throws {
<<<<<<< HEAD
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
=======
        try inputs.validate(hasFile: file != nil)
        try budget.validate()
        try require(top, of: "--top", in: 1...1000)
        if sweep != nil, output != nil || pareto != nil || budget.days != nil {
            throw ValidationError("`--sweep` goes without `-o`, `--pareto` and `--days`")
        }
        if sweep != nil, inputs.layout != nil {
            throw ValidationError("`--sweep` goes without `--layout`")
        }
        if force, output == nil, pareto == nil {
            throw ValidationError("`--force` goes with `-o` or `--pareto`")
>>>>>>> plancli
        }
    }

    func run() throws {
        try answering(options) {
<<<<<<< HEAD
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
=======
            try refuseToOverwrite()
            let request = try inputs.request(file: file)
            printNotes(request.notes)
            let isYes =
                if let sweep {
                    try run(sweep, request)
                } else {
                    try plan(request)
                }
            if !isYes { throw ExitCode.no }
        }
    }

    /// Searches one plan; returns whether there is one that does what was asked.
    private func plan(_ request: PlanRequest) throws -> Bool {
        var outcome = PlanOutcome(request, countMax: top)
        if let budget = budget.budget {
            if self.budget.days != nil, !options.quiet {
                printMessage("searching for the smallest cluster that is fast enough")
            }
            outcome.addBudget(budget, daysMax: self.budget.days)
        }
        if let output, let deployment = outcome.deployment {
            try write(try checkedText(of: deployment, file: output), to: output)
        }
        if let pareto, !outcome.front.points.isEmpty {
            try write(PlanFrontSVG(outcome.front).text, to: pareto)
        }
        let answer = PlanAnswer(outcome)
        if options.json {
            try printJSON(PlanRecord(outcome, answer))
        } else {
            let text = PlanText(outcome, answer, quiet: options.quiet)
            for line in text.lines { printLine(line) }
        }
        return outcome.isYes
    }

    /// Searches a plan for each value; returns whether there is any.
    private func run(_ sweep: PlanSweepAxis, _ request: PlanRequest) throws -> Bool {
        let points = try sweep.points(of: request, onPoint: progress())
        if options.json {
            try printJSON(points.map { PlanSweepRecord($0, budget.budget) })
        } else {
            for line in sweep.lines(points, budget.budget) { printLine(line) }
        }
        return points.contains { $0.strategy != nil }
    }

    /// Tells what is searched, once the searches before took more than a second.
    private func progress() -> (Int) -> Void {
        let clock = ContinuousClock()
        let start = clock.now
        return { count in
            guard !options.quiet, start.duration(to: clock.now) > .seconds(1) else { return }
            printMessage("searching \(counted(count, "GPU", "GPUs"))")
        }
    }

    private func printNotes(_ notes: [Diagnostic]) {
        let told = notes.filter { !options.quiet || $0.severity != .note }
        if !told.isEmpty { printDiagnostics(told, colored: options.isColored(2)) }
    }

    // MARK: - Files

    private func refuseToOverwrite() throws(Problems) {
        guard !force else { return }
        let present = [output, pareto].compactMap(\.self).filter {
            FileManager.default.fileExists(atPath: $0)
        }
        guard present.isEmpty else {
            throw Problems(
                present.map {
                    Diagnostic(
                        .system, location: Diagnostic.Location(file: $0),
                        problem: "the file exists already",
                        hint: "`--force` overwrites it")
                })
        }
    }

    /// The text of a deployment, of which reading it back finds no fault.
    private func checkedText(of deployment: Deployment, file: String) throws(Problems) -> String {
        let text = deployment.text()
        let read = try readDeployment(text: text, file: file) { _ throws(Problems) in [] }
        let problems = read.notes.filter { $0.severity != .note }
        guard problems.isEmpty else { throw Problems(problems) }
        return text
    }

    private func write(_ text: String, to path: String) throws(SystemError) {
        try writeFileAtomically(Array(text.utf8), to: path)
        if !options.quiet { printMessage("wrote \(path)") }
>>>>>>> plancli
    }
}
