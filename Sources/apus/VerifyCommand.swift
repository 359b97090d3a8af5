import ApusBase
import ApusEngine
import ApusPlan
import ApusSystem
import ApusVerify
import ArgumentParser

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Proves that a layout computes what one rank does.",
        usage: "apus verify <file> [--all --ranks <count>] [options]",
        discussion: """
            Scales the model down, runs the plan's layout on local ranks and the same batches on \
            one rank, and compares loss, gradients and weights. Each bucket of the plan is run \
            for five steps, then all of them in turn over one set of weights. Exit status 1 when \
            a layout is further away than docs/equivalence.md allows.

            Examples:
              apus verify Plans/strategy-16gpu.yaml
              apus verify Plans/small.yaml --all --ranks 4
            """)

    @Argument(help: "The deployment file.")
    var file: String

    @Flag(help: "Try every layout of so many ranks, instead of the plan's.")
    var all = false

    @Option(help: ArgumentHelp("Ranks of the layouts of `--all`.", valueName: "count"))
    var ranks: Int?

    @Option(help: ArgumentHelp("The first seed that is tried.", valueName: "number"))
    var seed = 1

    @Option(
        help: ArgumentHelp(
            "Seconds after which a rank that waits for another gives up.", valueName: "seconds"))
    var timeout = 120.0

    @OptionGroup var options: SharedOptions

    /// Ranks are threads of one process.
    private static let ranksMax = 64
    private static let ranksDefault = 4

    func validate() throws {
        try require(ranks, of: "--ranks", in: 1...Self.ranksMax)
        try require(seed, of: "--seed", in: FileSchema.seed)
        try require(timeout, of: "--timeout", in: 1...86_400, unit: " seconds")
        if ranks != nil, !all { throw ValidationError("`--ranks` goes with `--all`") }
    }

    func run() throws {
        try answering(options) {
            SignalWatch.block([.interrupt, .terminate, .hangUp])
            _ = try StopRequest.on()
            let (layouts, scaled) = try prepare()
            let output = VerifyOutput(options: options)
            output.banner(file: file, scaled.replacements, count: layouts.count)
            var verification = Verification(
                engine: try openEngine(), model: scaled.deployment.model,
                timeoutSeconds: timeout, firstSeed: seed)
            var verdicts: [LayoutVerdict] = []
            for layout in layouts {
                let verdict = try verification.verdict(of: layout)
                verdicts.append(verdict)
                output.add(verdict, of: layouts.count)
            }
            try output.summary(verdicts)
            if !verdicts.allSatisfy(\.passes) { throw ExitCode.no }
        }
    }

    private func prepare() throws -> ([Layout], ScaledDeployment) {
        let read = try loadDeployment(file)
        let plan = try read.deployment.requirePlan(file: file)
        let scaled = ScaledDeployment(
            read.deployment, plan: plan, ranks: all ? ranks ?? Self.ranksDefault : nil)
        let refused = scaled.deployment.unsupportedForVerification(at: read.positions)
        guard refused.isEmpty else { throw Problems(refused) }
        guard !all else {
            return (Layout.all(ranks: ranks ?? Self.ranksDefault, of: scaled.deployment), scaled)
        }
        let count = scaled.plan.degrees.worldSize
        guard count <= Self.ranksMax else {
            throw Problems([
                Diagnostic(
                    .worldSize, location: read.positions.location(of: "plan"), path: "plan",
                    problem: "the plan has \(grouped(count)) ranks, of which each would be a "
                        + "thread of this process",
                    expected: "at most \(Self.ranksMax) ranks",
                    hint: "`--all --ranks 16` tries every layout of 16 ranks on this model")
            ])
        }
        return (scaled.layouts, scaled)
    }

    private func openEngine() throws -> Engine {
        let path = try options.locateEngine()
        // PyTorch keeps a flight recorder that several ranks of one process race on.
        Host.setEnvironment("TORCH_FR_BUFFER_SIZE", "0")
        do throws(EngineError) {
            let engine = try Engine.open(at: path)
            try engine.setThreadCount(1)
            return engine
        } catch {
            throw Problems([error.diagnostic])
        }
    }
}

extension Deployment {
    /// What of the scaled deployment cannot be run; batches and lengths are its own.
    fileprivate func unsupportedForVerification(at positions: KeyPositions) -> [Diagnostic] {
        unsupportedForTraining(at: positions).filter {
            $0.code == .unsupported && $0.path?.hasPrefix("run.") != true
        }
    }
}
