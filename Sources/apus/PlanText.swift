import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner

/// `apus plan` for people.
struct PlanText {
    let problem: SearchProblem

    /// What is planned, in one line.
    var title: String {
        let cluster = problem.cluster
        let nodes = cluster.nodeCount == 1 ? "1 node" : "\(cluster.nodeCount) nodes"
        let lengths = problem.workload.sequenceLengths.map(String.init).joined(separator: ", ")
        let parameters = significant(Double(problem.model.parameterCount) / 1e9)
        return "\(parameters) B parameters on \(cluster.worldSize) x \(cluster.gpu.name) (\(nodes))"
            + ", batches of \(problem.workload.sequencesPerBatch) sequences of \(lengths) tokens, "
            + problem.workload.precision.rawValue
    }

    func counts(_ counts: SearchCounts, seconds: Double) -> String {
        "searched \(grouped(counts.searched)) strategies in \(significant(seconds)) s: "
            + "\(grouped(counts.pruned)) ruled out by a bound, \(grouped(counts.evaluated)) priced, "
            + "of which \(grouped(counts.feasible)) fit"
    }

    /// The ranked strategies, one a line.
    func table(_ strategies: [PlannedStrategy]) -> [String] {
        var table = TextTable(leftColumns: [1, 2])
        table.rows = [
            [
                "#", "layout", "schedule", "step", "tokens/s/GPU", "MFU", "memory", "TTFT",
                "bubble", "exposed",
            ]
        ]
        for (index, strategy) in strategies.enumerated() {
            table.rows.append([
                "\(index + 1)", strategy.plan.degrees.summary, schedule(strategy.plan),
                "\(strategy.stepTime)", grouped(Int(strategy.tokensPerSecondPerGPU.rounded())),
                percent(strategy.modelFLOPsUtilization), "\(strategy.memoryPeak)",
                "\(strategy.timeToFirstToken)", percent(strategy.bubble),
                percent(strategy.communicationExposed),
            ])
        }
        return table.lines
    }

    private func schedule(_ plan: Plan) -> String {
        var words: [String] = []
        if plan.degrees.pipeline > 1 {
            words.append(plan.schedule.summary(chunks: plan.chunksPerRank))
        }
        if plan.zeroStage > 0 { words.append("zero\(plan.zeroStage)") }
        if plan.degrees.tensor > 1, !plan.sequenceParallel { words.append("no sp") }
        if !plan.overlap { words.append("no overlap") }
        if plan.pipelinePlacement == .innermost { words.append("innermost") }
        if plan.buckets.count == 1, let bucket = plan.buckets.first {
            words.append("\(bucket.microBatches) micro-batches")
            if bucket.recompute != .none { words.append("recompute \(bucket.recompute.rawValue)") }
        }
        return words.joined(separator: ", ")
    }

    /// What the recommended plan is in full, where the table says too little.
    func details(_ strategy: PlannedStrategy) -> [String] {
        var lines: [String] = []
        if let layers = strategy.plan.layersPerStage {
            lines.append(
                "layers per stage: \(layers.map(String.init).joined(separator: " "))")
        }
        if strategy.lengths.count > 1 { lines += lengths(strategy) }
        return lines
    }

    private func lengths(_ strategy: PlannedStrategy) -> [String] {
        var table = TextTable(leftColumns: [])
        table.rows = [
            [
                "length", "micro-batches", "tensor", "recompute", "step", "tokens/s/GPU",
                "memory", "TTFT",
            ]
        ]
        for length in strategy.lengths {
            let bucket = length.step.bucket
            table.rows.append([
                "\(length.step.sequenceLength)", "\(length.step.microBatches)",
                "\(bucket.tensorParallel)", bucket.recompute.rawValue,
                "\(length.prediction.stepTime)",
                grouped(Int(length.prediction.tokensPerSecondPerGPU.rounded())),
                "\(length.prediction.memoryPeak)", "\(length.timeToFirstToken)",
            ])
        }
        return table.lines
    }

    /// Where the recommended plan's time goes, and how well founded that is.
    func limits(_ strategy: PlannedStrategy) -> [String] {
        let shares = TimeParts(strategy).shares().prefix(5)
            .map { "\($0.name) \(percent($0.share))" }.joined(separator: ", ")
        return [
            "where its time goes: \(shares)",
            "confidence: four of five such steps take \(strategy.low) to \(strategy.high); "
                + "\(percent(strategy.measuredShare)) of the computation rests on measured or "
                + "interpolated kernels, the rest on a roofline",
        ]
    }

    func advice(_ advice: [Advice]) -> [String] {
        guard !advice.isEmpty else { return [] }
        return ["what would help, each priced with the same plan:"]
            + advice.map { item in
                let needs = item.memory.map { ", if a rank had \($0)" } ?? ""
                return "  +\(percent(item.gain)) tokens/s/GPU: \(item.change)\(needs)"
            }
    }

    /// Why the second lost to the first.
    func runnerUp(_ strategies: [PlannedStrategy]) -> String? {
        guard strategies.count > 1 else { return nil }
        let sentence = Self.sentence(
            for: WhyNot.compare(strategies[1], with: strategies[0]), limit: problem.memoryLimit)
        return "why 2 is not 1: \(sentence)"
    }

    static func sentence(for whyNot: WhyNot, limit: Bytes) -> String {
        switch whyNot {
        case .impossible(let reason): return reason
        case .tooLarge(let strategy): return tooLarge(strategy, limit: limit)
        case .slower(let strategy, let share, let because):
            if share == 0, because.isEmpty { return "it is the recommended one" }
            if abs(share) <= 0.005 {
                return "as fast within half a percent (\(strategy.stepTime) a step), and no simpler"
            }
            let word = share > 0 ? "longer" : "shorter"
            let causes = because.prefix(4).map { cause in
                "\(cause.name) \(cause.share > 0 ? "+" : "-")\(percent(abs(cause.share)))"
            }
            let reason = causes.isEmpty ? "" : ": " + causes.joined(separator: ", ")
            return "its steps are \(percent(abs(share))) \(word)\(reason)"
        }
    }

    private static func tooLarge(_ strategy: PlannedStrategy, limit: Bytes) -> String {
        guard let (length, stage, memory) = strategy.fullest else { return "it does not fit" }
        let parts = [
            ("weights", memory.weights), ("gradients", memory.gradients),
            ("optimizer", memory.optimizer), ("activations", memory.activations),
            ("logits", memory.logits), ("buffers", memory.buffers),
            ("fragmentation", memory.fragmentation), ("context", memory.context),
        ].filter { $0.1.count > 0 }.map { "\($0.0) \($0.1)" }
        return "a rank of stage \(stage) needs \(memory.total) at \(length) tokens and has "
            + "\(limit): \(parts.joined(separator: ", "))"
    }

    static func percent(_ share: Double) -> String { "\(fixed(100 * share, decimals: 1)) %" }
    private func percent(_ share: Double) -> String { Self.percent(share) }
}
