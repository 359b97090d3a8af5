import ApusBase
import ApusControl
import ApusCost
import ApusEngine
import ApusPlan
import ApusPlanner
import ApusProgram
import ApusSimulator
import ApusSystem
import ArgumentParser

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a deployment's model with its plan.",
        usage: "apus train <file> --data <path> ... [options]",
        discussion: """
            Started alone, it starts the plan's ranks on this host and looks after them. Started \
            by torchrun, srun or mpirun, once for each rank, it joins that job. Flags override \
            the deployment's `run` section.

            Examples:
              apus train Plans/strategy-16gpu.yaml --local --data book.txt
              srun -n 16 apus train plan.yaml --data books/
              torchrun --nproc-per-node 4 --no-python apus train plan.yaml --data a.txt
            """)

    @Argument(help: "The deployment file.")
    var file: String

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Text files, or folders of them; every byte is a token.", valueName: "path"))
    var data: [String] = []

    @Flag(help: "Replace what this machine or this version cannot run, and print each replacement.")
    var local = false

    @Option(help: ArgumentHelp("Optimizer steps.", valueName: "count"))
    var steps: Int?

    @Option(help: ArgumentHelp("The seed of weights and data order.", valueName: "number"))
    var seed: Int?

    @Option(help: ArgumentHelp("Tokens of one sequence.", valueName: "tokens"))
    var sequenceLength: Int?

    @Option(help: ArgumentHelp("Sequences of one step, over all data ranks.", valueName: "count"))
    var sequences: Int?

    @Option(help: ArgumentHelp("Peak learning rate.", valueName: "rate"))
    var learningRate: Double?

    @Option(help: "What ranks compute on: auto (GPUs where each gets one), cpu or cuda.")
    var device = DeviceChoice.auto

    @Option(help: ArgumentHelp("A file for one JSON line per step.", valueName: "path"))
    var log: String?

    @Option(
        help: ArgumentHelp(
            "A file for when each rank did what in the last steps.", valueName: "path"))
    var trace: String?

    @Option(help: ArgumentHelp("How many steps `--trace` keeps.", valueName: "count"))
    var traceSteps = 3

    @Option(
        help: ArgumentHelp(
            """
            Every so many steps, move layers away from a stage that was consistently slow; losses \
            stay the same.
            """, valueName: "count"))
    var rebalanceEvery: Int?

    @Option(
        help: ArgumentHelp(
            "A stage whose ranks compute F times as long, by idling; may be repeated.",
            valueName: "s:f", visibility: .hidden))
    var slowStage: [String] = []

    @Option(
        help: ArgumentHelp(
            "Seconds after which a rank that waits for another gives up.", valueName: "seconds"))
    var timeout = 300.0

    @OptionGroup var options: SharedOptions

    func validate() throws {
        if data.isEmpty { throw ValidationError("`--data` names no text to train on") }
        try require(steps, of: "--steps", in: FileSchema.steps)
        try require(seed, of: "--seed", in: FileSchema.seed)
        try require(sequenceLength, of: "--sequence-length", in: FileSchema.sequenceLength)
        try require(sequences, of: "--sequences", in: FileSchema.sequences)
        try require(learningRate, of: "--learning-rate", in: FileSchema.learningRate)
        try require(traceSteps, of: "--trace-steps", in: 1...1000)
        try require(
            rebalanceEvery, of: "--rebalance-every",
            in: StageTimeSeries.stepCountMin...FileSchema.steps.upperBound)
        try require(timeout, of: "--timeout", in: 1...86_400, unit: " seconds")
    }

    func run() throws {
        try answering(options) {
            let rendezvous = try Rendezvous.of(Host.environment())
            try refuseToOverwrite([trace].compactMap(\.self), force: true, inputs: [file] + data)
            let job = try prepare()
            if let rendezvous {
                try RankProcess(job: job, rendezvous: rendezvous, options: options).run()
            } else {
                try LocalLauncher(job: job, options: options).run()
            }
        }
    }

    /// Reads the deployment, applies flags and `--local`, compiles and proves the program.
    private func prepare() throws -> TrainingJob {
        let read = try loadDeployment(file)
        var deployment = read.deployment
        _ = try deployment.requirePlan(file: file)
        var replacements: [String] = []
        if local { (deployment, replacements) = deployment.local() }
        override(&deployment)
        try deployment.requireSound(at: read.positions)
        let refused = deployment.unsupportedForTraining(at: read.positions)
        guard refused.isEmpty else { throw Problems(refused) }
        let plan = try deployment.requirePlan(file: file)
        let programs = try lengthPrograms(
            of: deployment, plan: plan, at: read.positions)
        try refuseForMixedLengths(deployment.run)
        let engine = try options.locateEngine()
        return TrainingJob(
            file: file, deployment: deployment, plan: plan, programs: programs,
            replacements: replacements, notes: read.notes, data: data, log: log,
            trace: trace.map { (path: $0, stepCount: traceSteps) },
            balance: try balance(deployment, plan, programs[0].shape),
            slowStages: try slowStage.map {
                try stageAndFactor($0, of: "--slow-stage", stages: plan.degrees.pipeline)
            },
            enginePath: engine, device: device, timeoutSeconds: timeout)
    }

    /// What moves layers between stages in the run, where that is asked for.
    private func balance(
        _ deployment: Deployment, _ plan: Plan, _ shape: StepShape
    ) throws -> (running: RunningBalance, interval: Int)? {
        guard let interval = rebalanceEvery else { return nil }
        guard let cluster = deployment.cluster,
            let step = Step(training: deployment, plan: plan, shape: shape, on: cluster)
        else {
            throw Problems([
                Diagnostic(
                    .missingKey, location: Diagnostic.Location(file: file), path: "cluster",
                    problem: "the deployment has no `cluster` to predict with, which "
                        + "`--rebalance-every` needs",
                    expected: "a `cluster` section; `apus calibrate` writes that of this machine")
            ])
        }
        let running = RunningBalance(
            Rebalancer(step: step, shape: shape), plan: plan, every: interval)
        return (running, interval)
    }

    /// Refuses what looks at one program, where steps run several in turn.
    private func refuseForMixedLengths(_ run: RunSettings) throws(Problems) {
        guard run.mix != nil else { return }
        let flags = [
            trace == nil ? nil : "--trace", rebalanceEvery == nil ? nil : "--rebalance-every",
        ].compactMap(\.self)
        guard !flags.isEmpty else { return }
        throw Problems(
            flags.map { flag in
                Diagnostic(
                    .unsupported,
                    problem: "`\(flag)` follows the steps of one program, "
                        + "a run of several sequence lengths has one for each",
                    expected: "one length, as with `--sequence-length \(run.sequenceLength)`")
            })
    }

    private func override(_ deployment: inout Deployment) {
        if let steps { deployment.run.steps = steps }
        if let seed { deployment.run.seed = seed }
        if let sequenceLength { deployment.run.setLength(sequenceLength) }
        if let sequences { deployment.run.sequencesPerStep = sequences }
        if let learningRate { deployment.run.learningRate = learningRate }
    }
}

/// Everything that is decided about a training run before its ranks start.
struct TrainingJob {
    var file: String
    var deployment: Deployment
    var plan: Plan
    /// One for each length that the run trains with.
    var programs: [Program]
    var replacements: [String]
    var notes: [Diagnostic]
    var data: [String]
    var log: String?
    /// Where the trace goes, and how many of the last steps it holds.
    var trace: (path: String, stepCount: Int)?
    /// What moves layers between stages, and after how many steps each time.
    var balance: (running: RunningBalance, interval: Int)?
    /// Stages that are made slow for a test.
    var slowStages: [Conditions.SlowStage]
    var enginePath: String
    var device: DeviceChoice
    var timeoutSeconds: Double

    /// The program of the first length; all share mesh, layers and weights.
    var program: Program { programs[0] }
}
