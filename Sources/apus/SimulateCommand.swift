import ApusBase
import ApusCost
import ApusPlan
import ApusReport
import ApusSimulator
import ApusSystem
import ApusTrace
import ArgumentParser

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Runs a plan's program in virtual time.",
        usage: "apus simulate <file> [options]",
        discussion: """
            The program that `apus train` would run is compiled, proven and interpreted with \
            predicted prices, for each sequence length of the workload. Conditions disturb it: \
            what if a rank, a link or an expert is slow, hot or noisy?

            Examples:
              apus simulate Plans/strategy-16gpu.yaml
              apus simulate plan.yaml --sequence-length 1024 --trace out.json
              apus simulate plan.yaml --slow-rank 5:1.5 --slow-link cluster:2
            """)

    @Argument(help: "The deployment file.")
    var file: String

    @Option(
        name: [.long, .customLong("length")],
        help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var sequenceLength: Int?

    @Option(
        help: ArgumentHelp(
            "A file for the timeline, for Perfetto; one that ends in .jsonl gets Apus's own form.",
            valueName: "path"))
    var trace: String?

    @Option(help: ArgumentHelp("A file for an HTML report of all lengths.", valueName: "path"))
    var html: String?

    @Option(
        help: ArgumentHelp(
            "A deployment whose cluster is taken, or GPUs such as `64xh100-sxm`.",
            valueName: "cluster"))
    var cluster: String?

    @Flag(help: "Overwrite the files of `--trace` and `--html`.")
    var force = false

    @OptionGroup var disturbances: ConditionOptions

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(sequenceLength, of: "--sequence-length", in: FileSchema.sequenceLength)
        if force, trace == nil, html == nil {
            throw ValidationError("`--force` goes with `--trace` and `--html`")
        }
    }

    func run() throws {
        try answering(options) {
            try refuseToOverwrite(
                [trace, html].compactMap(\.self), force: force, inputs: [file])
            let input = try SimulationInput(file: file, cluster: cluster)
            let told = input.notes.filter { !options.quiet || $0.severity != .note }
            printDiagnostics(told, colored: options.isColored(2))
            let steps = try input.steps(length: sequenceLength)
            if trace != nil, steps.count > 1 {
                throw ValidationError(
                    "`--trace` shows one sequence length; choose one with `--sequence-length`")
            }
            let lengths = try steps.map { step in
                let conditions = try disturbances.conditions(for: step)
                return try SimulatedLength(
                    step, conditions: conditions, deployment: file,
                    tracing: trace != nil || html != nil ? .kept : options.json ? .none : .shown,
                    at: input.positions)
            }
            if let trace, let length = lengths.first { try write(length, to: trace) }
            if let html { try writeReport(of: lengths, input, to: html) }
            if options.json { return try printJSON(lengths.map(SimulationRecord.init)) }
            let style = TimelineStyle(
                isPlain: options.color == .never || !Terminal.isTerminal(1),
                isColored: options.isColored(1), width: Terminal.width(1) ?? 100)
            for (index, length) in lengths.enumerated() {
                if index > 0 { printLine("") }
                for line in SimulationText(length, style: style, quiet: options.quiet).lines {
                    printLine(line)
                }
            }
        }
    }

    private func writeReport(
        of lengths: [SimulatedLength], _ input: SimulationInput, to path: String
    ) throws {
        let facts = DeploymentFacts(deployment: input.deployment)
        var data = ReportData(title: fileTitle(file), summary: facts.summary)
        data.facts = facts.groups
        data.lengths = try lengths.map { try LengthReport($0) }
        data.provenance = ["deployment \(file), simulated"]
        try writeFileAtomically(Array(ApusReport.html(for: data).utf8), to: path)
        if !options.quiet { printMessage("wrote \(path)") }
    }

    private func write(_ length: SimulatedLength, to path: String) throws {
        guard let trace = length.result.trace else { return }
        let text =
            path.hasSuffix(".jsonl")
            ? trace.text : ChromeTrace([trace], program: length.program).text
        try writeFileAtomically(Array(text.utf8), to: path)
        if !options.quiet { printMessage("wrote \(path)") }
    }
}

/// What disturbs a simulated step.
struct ConditionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A rank whose computation takes F times as long; may be repeated.", valueName: "r:f"))
    var slowRank: [String] = []

    @Option(
        help: ArgumentHelp(
            "A stage whose ranks all compute F times as long; may be repeated.",
            valueName: "s:f"))
    var slowStage: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Links whose transfers take F times as long: a level of the cluster's network, or two \
            stages such as `0-1`; may be repeated.
            """, valueName: "level:f"))
    var slowLink: [String] = []

    @Option(
        help: ArgumentHelp(
            "The share of all rows that goes to the ranks of one expert.", valueName: "share"))
    var hotExpert: Double?

    @Option(
        help: ArgumentHelp(
            "The relative standard deviation of each computation.", valueName: "sigma"))
    var jitter = 0.0

    @Option(help: ArgumentHelp("The seed of the jitter.", valueName: "number"))
    var seed = 1

    func validate() throws {
        try require(hotExpert, of: "--hot-expert", in: 0...1)
        try require(jitter, of: "--jitter", in: 0...1)
        try require(seed, of: "--seed", in: FileSchema.seed)
    }

    /// The conditions, of ranks, links and stages that the step has.
    func conditions(for step: Step) throws -> Conditions {
        var conditions = Conditions()
        conditions.slowRanks = try slowRank.map { text in
            let (name, factor) = try nameAndFactor(text, of: "--slow-rank")
            let worldSize = step.degrees.worldSize
            guard let rank = Int(name), (0..<worldSize).contains(rank) else {
                throw ValidationError(
                    "`--slow-rank \(text)` names `\(name)`; ranks are 0 to \(worldSize - 1)")
            }
            return .init(rank: Rank(rank), factor: factor)
        }
        conditions.slowStages = try slowStage.map { text in
            try stageAndFactor(text, of: "--slow-stage", stages: step.degrees.pipeline)
        }
        conditions.slowLinks = try slowLink.map { text in
            let (name, factor) = try nameAndFactor(text, of: "--slow-link")
            return .init(place: try place(name, of: text, in: step), factor: factor)
        }
        conditions.hotExpertShare = hotExpert
        if hotExpert != nil, step.degrees.expert == 1 {
            throw ValidationError("`--hot-expert` needs experts on several ranks")
        }
        conditions.jitter = jitter
        conditions.seed = UInt64(seed)
        return conditions
    }

    private func place(
        _ name: String, of text: String, in step: Step
    ) throws -> Conditions.SlowLink.Place {
        let levels = step.cluster.linksOrDefault.map(\.level)
        if let level = levels.firstIndex(of: name) { return .level(level) }
        let stages = name.split(separator: "-").map { Int($0) }
        if stages.count == 2, let one = stages[0], let other = stages[1], one != other,
            [one, other].allSatisfy((0..<step.degrees.pipeline).contains)
        {
            return .stages(one, other)
        }
        let known = levels.isEmpty ? "no level" : "the levels \(levels.joined(separator: ", "))"
        throw ValidationError(
            "`--slow-link \(text)` names `\(name)`; the cluster has \(known), the pipeline the "
                + "stages 0 to \(step.degrees.pipeline - 1)")
    }
}
