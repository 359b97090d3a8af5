import ApusBase
import ApusPlan
import ApusPlanner
import ApusSystem
import ArgumentParser

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Finds the best plan for a model on a cluster.",
        usage: "apus plan [<file>] [options]",
        discussion: """
            Searches all strategies and ranks them by step time, one for each set of degrees. A \
            plan of the file itself is priced beside them. Exit status 1 where nothing fits.

            Examples:
              apus plan Plans/mixtral-8x7b.yaml -o found.yaml
              apus plan --model config.json --cluster 64xh100-sxm --workload w.yaml
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

    @OptionGroup var options: SharedOptions

    func validate() throws {
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
        }
    }

    func run() throws {
        try answering(options) {
            try refuseToOverwrite([output, pareto].compactMap(\.self), force: force)
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
            outcome.addBudget(budget, daysMax: self.budget.days, onSize: progress())
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

    /// Tells what is searched, at most once a second.
    private func progress() -> (Int) -> Void {
        let clock = ContinuousClock()
        var last = clock.now
        return { count in
            guard !options.quiet, last.duration(to: clock.now) > .seconds(1) else { return }
            last = clock.now
            printMessage("searching \(counted(count, "GPU", "GPUs"))")
        }
    }

    private func printNotes(_ notes: [Diagnostic]) {
        let told = notes.filter { !options.quiet || $0.severity != .note }
        if !told.isEmpty { printDiagnostics(told, colored: options.isColored(2)) }
    }

    // MARK: - Files

    private func write(_ text: String, to path: String) throws(SystemError) {
        try writeFileAtomically(Array(text.utf8), to: path)
        if !options.quiet { printMessage("wrote \(path)") }
    }
}
