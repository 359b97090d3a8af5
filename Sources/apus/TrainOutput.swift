import ApusBase
import ApusControl
import ApusPlan
import ApusProgram
import ApusRouting
import ApusRuntime
import ApusSystem
import Foundation

/// What a training run tells the user: a banner, a line per step, a log, a summary.
final class TrainOutput {
    // A class because callbacks of the job add to it while it runs.
    private let job: TrainingJob
    private let options: SharedOptions
    private let launcher: String
    private let entropy: ByteEntropy
    private let corpusSize: Bytes
    private let sequenceCount: Int
    private var log: LineWriter?
    private var steps: [StepLog] = []
    private var readyRanks = 0
    private var stdoutFailed = false
    private var memory = HostMemoryWatch()
    private let start = monotonicSeconds()

    init(job: TrainingJob, options: SharedOptions, launcher: String) throws {
        self.job = job
        self.options = options
        self.launcher = launcher
        let corpus = try Corpus(paths: job.data, vocabulary: job.deployment.model.vocabularySize)
        let sampler = try SequenceSampler(
            tokenCount: corpus.tokenCount, length: job.deployment.run.sequenceLength, seed: 0)
        entropy = corpus.entropy(limit: Bytes(1 << 26))
        corpusSize = corpus.size
        sequenceCount = sampler.windowCount
        if let path = job.log {
            log = try LineWriter(path: path, inputs: [job.file] + corpus.paths)
        }
    }

    func banner() {
        for note in job.notes { printDiagnostics([note], colored: options.isColored(2)) }
        guard !options.quiet else { return }
        let banner = TrainBanner(
            job: job, launcher: launcher, corpusSize: corpusSize, sequenceCount: sequenceCount,
            entropy: entropy)
        for line in banner.lines { say(line) }
    }

    /// Takes note of a rank that waits for the first step; when all do, tells how long it took.
    func rankIsReady() {
        readyRanks += 1
        guard readyRanks == job.program.mesh.worldSize, !options.quiet else { return }
        say("ready   all ranks hold their weights and have met, after \(duration(elapsed))\n")
    }

    /// Takes note of layers that went to other stages.
    func rebalanced(_ entry: RebalanceLog) {
        append(entry.line)
        guard !options.quiet else { return }
        say(entry.words)
    }

    private func append(_ line: String) {
        do {
            try log?.append(line)
        } catch {
            printMessage("warning: \(error); the log ends here")
            log = nil
        }
    }

    /// The length of a step's sequences, where a run has several.
    private func length(_ entry: StepLog) -> String {
        guard let mix = job.deployment.run.mix, let length = entry.sequence_length else {
            return ""
        }
        return "  length \(padded("\(length)", "\(mix.lengths.max() ?? 0)".count))"
    }

    /// How far the stages' compute times lie apart, where that is worth a look.
    private func unevenStages(_ entry: StepLog) -> String {
        guard let variance = entry.stage_time_variance, variance > 0.1 else { return "" }
        return "  stages ± \(percent(variance))"
    }

    /// Takes note of a step that all ranks have finished.
    func step(_ entry: StepLog) {
        steps.append(entry)
        append(entry.line)
        memory.look()
        guard !options.quiet else { return }
        let total = job.deployment.run.steps
        let elapsed = steps.map(\.step_time_s).reduce(0, +)
        let left = elapsed / Double(steps.count) * Double(total - entry.step)
        say(
            "step \(padded("\(entry.step)", "\(total)".count))/\(total)"
                + length(entry)
                + "  loss \(fixed(entry.loss, decimals: 4))"
                + "  \(padded(significant(entry.step_time_s), 4)) s"
                + "  \(padded(significant(entry.tokens_per_s), 5)) tokens/s"
                + "  norm \(significant(entry.grad_norm))"
                + "  lr \(String(format: "%.2e", entry.lr))"
                + "  load cv \(fixed(entry.expert_load_cv, decimals: 2))"
                + unevenStages(entry)
                + "  left \(duration(left))")
    }

    /// Passes on what a rank printed.
    func rankOutput(_ rank: Rank, _ line: String) { printMessage("[rank \(rank)] \(line)") }

    func summary() throws {
        guard let first = steps.first else { return }
        let last = steps.suffix(5).map(\.loss)
        let summary = TrainSummary(
            steps: steps.count, tokens: steps.map(\.tokens).reduce(0, +),
            seconds: elapsed, first_loss: first.loss,
            last_losses_mean: last.reduce(0, +) / Double(last.count),
            byte_entropy_nats: entropy.natsPerByte,
            tokens_per_s: steps.map(\.tokens_per_s).sorted()[steps.count / 2],
            memory_peak_bytes: steps.map(\.memory_peak_bytes).max() ?? 0,
            // Ranks that another launcher started are not this process's children.
            resident_peak_bytes: launcher == Rendezvous.Launcher.apus.rawValue
                ? memory.peak?.count : nil,
            dropped: steps.map(\.dropped).reduce(0, +),
            expert_load_cv: steps.last?.expert_load_cv ?? 0,
            expert_load_cv_max: job.deployment.model.loadVariationMax,
            routing: job.deployment.run.routing.rawValue, log: job.log,
            trace: job.trace?.path)
        if options.json { return try printJSON(summary) }
        for line in summary.lines { printLine(line) }
    }

    private var elapsed: Double { monotonicSeconds() - start }

    /// With `--json` stdout belongs to the one document.
    ///
    /// A full disk under a redirected stdout is told once; training goes on, and `--log` is whole.
    private func say(_ line: String) {
        guard !options.json, !stdoutFailed else { return printMessage(line) }
        do throws(SystemError) {
            try writeLine(line)
        } catch {
            stdoutFailed = true
            printMessage("warning: \(error.diagnostic.problem); what follows goes to stderr")
            printMessage(line)
        }
    }
}

/// The proportional memory of this process and all ranks that it started, seen now and then.
private struct HostMemoryWatch {
    private(set) var peak: Bytes?
    private var nextLook = 0.0

    mutating func look() {
        let now = monotonicSeconds()
        guard now >= nextLook else { return }
        nextLook = now + 2
        guard let sum = ProcessMemory.ofOwnTree() else { return }
        peak = max(peak ?? .zero, sum.proportional)
    }
}

/// What is left to say when a run is over.
private struct TrainSummary: Encodable {
    var steps: Int
    var tokens: Int
    var seconds: Double
    var first_loss: Double
    var last_losses_mean: Double
    var byte_entropy_nats: Double
    /// Median over steps.
    var tokens_per_s: Double
    var memory_peak_bytes: Int
    var resident_peak_bytes: Int?
    var dropped: Int
    /// Of the last step; `expert_load_cv_max` is that of a router that sends all tokens one way.
    var expert_load_cv: Double
    var expert_load_cv_max: Double
    /// Who chose the experts: the router (`natural`), or a pattern.
    var routing: String
    var log: String?
    var trace: String?

    var lines: [String] {
        let ratio = last_losses_mean / first_loss
        let count = min(5, steps)
        var lines = [
            "",
            "trained \(steps) steps, \(grouped(tokens)) tokens in \(duration(seconds)), median "
                + "\(significant(tokens_per_s)) tokens/s",
            "loss    \(fixed(first_loss, decimals: 4)) at first, "
                + "\(fixed(last_losses_mean, decimals: 4)) as the mean of the last \(count): "
                + "\(fixed(ratio, decimals: 3)) of the first; "
                + "byte entropy of the text \(fixed(byte_entropy_nats, decimals: 4))",
            "memory  tensors peak at \(Bytes(memory_peak_bytes)) on a rank"
                + (resident_peak_bytes.map { ", all processes together at \(Bytes($0))" } ?? ""),
            "routing dropless, \(routing): \(dropped) assignments dropped; expert load cv "
                + "\(fixed(expert_load_cv, decimals: 2)) in the last step (0 is even, "
                + "\(fixed(expert_load_cv_max, decimals: 2)) is all tokens on the same experts)",
        ]
        if let log { lines.append("log     \(log)") }
        if let trace { lines.append("trace   \(trace)") }
        return lines
    }
}

/// Text moved to the right of a column.
func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// A time in words, such as `1 min 20 s`.
func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
    return whole >= 60 ? "\(whole / 60) min \(whole % 60) s" : "\(whole) s"
}

extension Model {
    /// The variation of expert loads when every token goes to the same experts.
    fileprivate var loadVariationMax: Double {
        (Double(expertCount) / Double(topK) - 1).squareRoot()
    }
}
