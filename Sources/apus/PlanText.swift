import ApusBase
import ApusCost
import ApusPlan
import ApusPlanner

/// What `apus plan` found as a person reads it in a terminal.
struct PlanText {
    private(set) var lines: [String] = []

    init(_ outcome: PlanOutcome, _ answer: PlanAnswer, quiet: Bool) {
        if !quiet { lines.append(title(outcome.problem)) }
        if outcome.entries.isEmpty {
            lines += answer.nothingFits(outcome)
        } else {
            addRanking(outcome)
        }
        addCounts(outcome)
        if let best = outcome.best {
            addLengths(best)
            if !quiet {
                let front = outcome.front.lines
                if !front.isEmpty { lines += [""] + front }
            }
            lines.append("")
            lines += answer.limits(of: best)
            if let runnerUp = outcome.runnerUp {
                lines += answer.runnerUp(runnerUp, best: best)
            }
        }
        if let unrestricted = outcome.unrestricted {
            lines += answer.layout(outcome.best, best: unrestricted)
        }
        if let own = outcome.own { lines += answer.own(own.strategy, in: outcome) }
        if let best = outcome.best { lines.append(provenance(best)) }
        if let budget = outcome.budget { addBudget(budget) }
    }

    /// What is planned.
    private func title(_ problem: SearchProblem) -> String {
        let lengths = problem.workload.sequenceLengths.map(String.init).joined(separator: ", ")
        let parameters = Double(problem.model.parameterCount) / 1e9
        return "\(significant(parameters)) B parameters on \(problem.cluster.worldSize) × "
            + "\(problem.cluster.gpu.name), batches of "
            + counted(problem.workload.sequencesPerBatch, "sequence", "sequences")
            + " of \(lengths) tokens, \(problem.workload.precision.rawValue)"
    }

    /// What the predictions rest on.
    private func provenance(_ strategy: PlannedStrategy) -> String {
        strategy.measuredShare > 0
            ? "\(percent(strategy.measuredShare)) of the computation rests on measured or "
                + "interpolated kernels, the rest on a roofline"
            : "the computation rests on a roofline: nothing is measured on such a GPU"
    }

    // MARK: - The ranking

    private mutating func addRanking(_ outcome: PlanOutcome) {
        var table = PlanTable([
            "", "pp·dp·cp·tp·ep", "schedule", "micro-batch", "ZeRO", "recompute", "step time",
            "tokens/s/GPU", "MFU", "memory", "TTFT", "bubble", "exposed", "",
        ])
        for (index, entry) in outcome.entries.enumerated() {
            table.add(row("\(index + 1)", entry))
        }
        if let own = outcome.own { table.add(row("own", own)) }
        lines += table.lines(leading: [1, 2, 3, 5])
        lines.append(
            "step time: four of five measured steps lie within the range; * on the Pareto front; "
                + "micro-batch: sequences × count")
    }

    private func row(_ name: String, _ entry: PlanOutcome.Entry) -> [String] {
        let strategy = entry.strategy
        let plan = strategy.plan
        let buckets = strategy.lengths.map(\.step.bucket)
        let steps = strategy.lengths.map {
            "\($0.step.sequencesPerMicroBatch)×\($0.step.microBatches)"
        }
        let range =
            "\(number(strategy.low, in: strategy.stepTime))–"
            + number(strategy.high, in: strategy.stepTime)
        return [
            name, layout(plan.degrees), schedule(plan), common(steps), "\(plan.zeroStage)",
            common(buckets.map(\.recompute.rawValue)), "\(strategy.stepTime) (\(range))",
            rate(strategy.tokensPerSecondPerGPU),
            percent(strategy.modelFLOPsUtilization), "\(strategy.memoryPeak)",
            "\(strategy.timeToFirstToken)", percent(strategy.bubble),
            percent(strategy.communicationExposed), entry.isPareto ? "*" : "",
        ]
    }

    private func layout(_ degrees: Degrees) -> String {
        let axes = [
            degrees.pipeline, degrees.data, degrees.context, degrees.tensor, degrees.expert,
        ]
        let expertTensor = degrees.expertTensor > 1 ? " etp\(degrees.expertTensor)" : ""
        return axes.map(String.init).joined(separator: "·") + expertTensor
    }

    private func schedule(_ plan: Plan) -> String {
        switch plan.schedule {
        case .interleaved: "interleaved×\(plan.chunksPerRank)"
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1, .zeroBubbleV, .dualPipeV, .written:
            plan.schedule.name
        }
    }

    /// What all lengths have in common, or that they differ.
    private func common(_ texts: [String]) -> String {
        guard let first = texts.first, texts.allSatisfy({ $0 == first }) else {
            return "by length"
        }
        return first
    }

    /// A time in the unit in which another one is shown, without the unit.
    private func number(_ time: Seconds, in other: Seconds) -> String {
        let scale = other.count >= 1 ? 1 : other.count >= 1e-3 ? 1e3 : 1e6
        return significant(time.count * scale)
    }

    private mutating func addCounts(_ outcome: PlanOutcome) {
        let counts = outcome.answer.counts
        lines.append(
            "searched \(grouped(counts.searched)), pruned \(grouped(counts.pruned)), evaluated "
                + "\(grouped(counts.evaluated)), feasible \(grouped(counts.feasible)) in "
                + "\(fixed(outcome.seconds, decimals: 2)) s")
    }

    // MARK: - Lengths and the budget

    private mutating func addLengths(_ best: PlannedStrategy) {
        guard best.lengths.count > 1 else { return }
        var table = PlanTable([
            "length", "share", "tp", "micro-batch", "recompute", "step time", "tokens/s/GPU",
            "memory", "TTFT", "bubble",
        ])
        for length in best.lengths.sorted(by: { $0.step.sequenceLength < $1.step.sequenceLength }) {
            let (step, prediction) = (length.step, length.prediction)
            table.add([
                "\(step.sequenceLength)", percent(length.weight),
                "\(step.bucket.tensorParallel)",
                "\(step.sequencesPerMicroBatch)×\(step.microBatches)",
                step.bucket.recompute.rawValue, "\(prediction.stepTime)",
                rate(prediction.tokensPerSecondPerGPU), "\(prediction.memoryPeak)",
                "\(length.timeToFirstToken)", percent(prediction.bubble),
            ])
        }
        lines += ["", "the first plan by sequence length"] + table.lines(leading: [3, 4])
    }

    private mutating func addBudget(_ budget: PlanBudget) {
        let tokens = counted(Int(budget.budget.tokens), "token", "tokens")
        if let bill = budget.bill {
            lines.append("\(tokens) here: \(words(for: bill))")
        }
        guard let days = budget.daysMax, let sizing = budget.sizing else { return }
        guard let found = sizing.found else {
            return lines += tooSlow(sizing, days: days, tokens: tokens)
        }
        lines.append(
            "in \(limit(days)): \(words(for: found.bill)), with "
                + "\(found.strategy.plan.degrees.layout), \(found.strategy.stepTime) a step, "
                + "\(found.strategy.memoryPeak) on a rank")
    }

    /// That no size tried is fast enough, and how long the run takes on them.
    private func tooSlow(_ sizing: Budget.Sizing, days: Double, tokens: String) -> [String] {
        let answer = "in \(limit(days)): no size tried does \(tokens)"
        let most = counted(sizing.gpusMax, "GPU", "GPUs")
        guard let largest = sizing.largest, let fastest = sizing.fastest else {
            return sizing.daysAtPeak > days
                ? [
                    "\(answer)",
                    "  the largest, \(most), takes \(significantDays(sizing.daysAtPeak)) "
                        + "even at its peak FLOP/s",
                ] : ["\(answer)", "  no strategy fits one that could, up to \(most)"]
        }
        let more = largest == fastest ? "" : "; the fastest: \(words(for: fastest.bill))"
        return ["\(answer)", "  the largest: \(words(for: largest.bill))\(more)"]
    }

    private func limit(_ days: Double) -> String { plain(days) + (days == 1 ? " day" : " days") }

    private func words(for bill: Budget.Bill) -> String {
        let cost = bill.price.map { ", cost \(money($0))" } ?? ""
        return "\(counted(bill.gpus, "GPU", "GPUs")), \(significantDays(bill.days)), "
            + "\(money(bill.gpuHours)) GPU-hours\(cost)"
    }
}

/// Tokens per second and GPU, whole ones where there are many.
func rate(_ tokens: Double) -> String {
    tokens >= 100 ? grouped(Int(min(tokens, 1e18))) : significant(tokens)
}

/// An amount in the unit of the price: whole ones, where it is not small.
func money(_ amount: Double) -> String {
    amount >= 100 ? grouped(Int(min(amount, 1e18).rounded())) : significant(amount)
}

/// Days as people say them: hours below one.
func significantDays(_ days: Double) -> String {
    days >= 1 ? "\(significant(days)) days" : "\(significant(days * 24)) hours"
}
