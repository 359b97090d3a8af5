import ApusBase
import ApusPlan
import ApusPlanner
import ApusSystem
import ArgumentParser
import Foundation

/// One answer of `apus plan`: searches, prints, writes.
struct PlanRun {
    let command: PlanCommand
    let problem: PlanProblem
    /// The degrees that `--layout` asks about.
    let layout: Degrees?

    private var options: SharedOptions { command.options }

    func run() throws {
        let search = problem.search
        try checkOutputs()
        let planner = Planner(search)
        var settings = Planner.Options()
        settings.countMax = command.top
        let clock = ContinuousClock()
        var answer: Planner.Answer?
        var finalists: [PlannedStrategy] = []
        let elapsed = clock.measure {
            let found = planner.search(settings)
            finalists = planner.finalists(found)
            answer = found
        }
        guard let answer else { return }
        let seconds =
            Double(elapsed.components.seconds)
            + Double(elapsed.components.attoseconds) * 1e-18
        try write(answer, finalists)
        let whyNot = whyNot(best: finalists.first, search)
        let bill = try bill(best: finalists.first, search)
        if options.json {
            try printJSON(record(answer, finalists, seconds: seconds, whyNot, bill, search))
        } else {
            printText(answer, finalists, seconds: seconds, whyNot, search)
            if let bill { printBill(bill.bill, bill.strategy) }
        }
        if finalists.isEmpty || (command.days != nil && bill == nil) { throw ExitCode.no }
    }

    // MARK: - Parts of the answer

    /// Why the file's own plan, or the degrees of `--layout`, are not the best.
    private func whyNot(best: PlannedStrategy?, _ search: SearchProblem) -> WhyNot? {
        if let layout { return WhyNot(layout, best: best, problem: search) }
        guard let plan = problem.deployment?.plan, command.model == nil else { return nil }
        return WhyNot(plan, best: best, problem: search)
    }

    private func bill(
        best: PlannedStrategy?, _ search: SearchProblem
    ) throws -> (strategy: PlannedStrategy, bill: Budget.Bill)? {
        guard let tokens = command.tokens else { return nil }
        let budget = Budget(tokens: tokens, pricePerGPUHour: command.price)
        guard let days = command.days else {
            return best.map {
                (
                    $0,
                    budget.bill(
                        tokensPerSecond: $0.tokensPerSecond, gpus: search.cluster.worldSize)
                )
            }
        }
        return budget.smallest(days: days, problem: search).map { ($0.strategy, $0.bill) }
    }

    private func record(
        _ answer: Planner.Answer, _ finalists: [PlannedStrategy], seconds: Double,
        _ whyNot: WhyNot?, _ bill: (strategy: PlannedStrategy, bill: Budget.Bill)?,
        _ search: SearchProblem
    ) -> PlanAnswerRecord {
        let sequences = search.workload.sequencesPerBatch
        let front = Set(answer.front.map { $0.plan(sequences: sequences) })
        return PlanAnswerRecord(
            searched: answer.counts.searched, pruned: answer.counts.pruned,
            evaluated: answer.counts.evaluated, feasible: answer.counts.feasible,
            seconds: seconds,
            plans: finalists.map { strategy in
                var plan = strategy.plan
                // The split of layers came after the front.
                plan.layersPerStage = nil
                return PlannedStrategyRecord(strategy, isOnFront: front.contains(plan))
            },
            front: answer.front.map { FrontRecord($0, sequences: sequences) },
            advice: finalists.first.map { Advice.all(for: $0, problem: search) }?
                .map { AdviceRecord($0) } ?? [],
            why_not: whyNot.map { WhyNotRecord($0, limit: search.memoryLimit) },
            budget: bill.map { BudgetRecord($0.bill, tokens: command.tokens ?? 0) },
            reason: finalists.isEmpty ? reason(answer, search).joined(separator: "; ") : nil)
    }

    private func printText(
        _ answer: Planner.Answer, _ finalists: [PlannedStrategy], seconds: Double,
        _ whyNot: WhyNot?, _ search: SearchProblem
    ) {
        let text = PlanText(problem: search)
        if !options.quiet { printLine(text.title) }
        guard let best = finalists.first else {
            for line in reason(answer, search) { printLine(line) }
            return printLine(text.counts(answer.counts, seconds: seconds))
        }
        if !options.quiet { printLine("") }
        for line in text.table(finalists) { printLine(line) }
        if options.quiet { return }
        for line in text.details(best) { printLine(line) }
        printLine("")
        printLine(text.counts(answer.counts, seconds: seconds))
        if let line = text.runnerUp(finalists) { printLine(line) }
        if let whyNot {
            printLine(asked + PlanText.sentence(for: whyNot, limit: search.memoryLimit))
        }
        for line in text.limits(best) { printLine(line) }
        for line in text.advice(Advice.all(for: best, problem: search)) { printLine(line) }
        printLine("")
        printLine(
            "Pareto front of \(answer.front.count) strategies: step time over memory; 1 to 4 by "
                + "time to first token")
        for line in ParetoPlot(answer.front).lines() { printLine(line) }
    }

    private var asked: String {
        if let layout { return "why not \(layout.summary): " }
        return "why not the file's plan: "
    }

    /// Why nothing fits, and what would.
    private func reason(_ answer: Planner.Answer, _ search: SearchProblem) -> [String] {
        guard answer.counts.searched > 0 else {
            return [
                "no strategy divides \(search.cluster.worldSize) GPUs, the model and a batch of "
                    + "\(search.workload.sequencesPerBatch) sequences evenly"
            ]
        }
        guard let leanest = answer.leanest, let memory = answer.leastMemory else {
            return ["no strategy runs all sequence lengths within the memory of a rank"]
        }
        let nodes =
            Double(search.cluster.nodeCount) * Double(memory.count)
            / Double(max(1, search.memoryLimit.count))
        return [
            "nothing fits: the leanest of all strategies, \(leanest.summary), needs \(memory) on a "
                + "rank that has \(search.memoryLimit)",
            "what would make it fit: GPUs with \(memory), or about \(Int(nodes.rounded(.up))) nodes "
                + "instead of \(search.cluster.nodeCount), as far as weights and states are what "
                + "fills a rank",
        ]
    }

    private func printBill(_ bill: Budget.Bill, _ strategy: PlannedStrategy) {
        let price = bill.price.map { ", for \(grouped(Int($0.rounded())))" } ?? ""
        printLine(
            "\(significant((command.tokens ?? 0) / 1e9)) B tokens: \(bill.gpus) GPUs "
                + "(\(strategy.plan.degrees.summary)) take \(significant(bill.days)) days and "
                + "\(grouped(Int(bill.gpuHours.rounded()))) GPU-hours\(price)")
    }

    // MARK: - Files

    private func checkOutputs() throws {
        for (flag, path) in [("-o", command.output), ("--pareto", command.pareto)] {
            guard let path, !command.force, FileManager.default.fileExists(atPath: path) else {
                continue
            }
            throw ValidationError("`\(flag) \(path)` exists; `--force` overwrites it")
        }
    }

    private func write(_ answer: Planner.Answer, _ finalists: [PlannedStrategy]) throws {
        if let path = command.pareto {
            let title = PlanText(problem: problem.search).title
            try writeFileAtomically(
                Array(ParetoPlot(answer.front).svg(title: title).utf8), to: path)
        }
        guard let path = command.output, let best = finalists.first else { return }
        let deployment = problem.deployment(with: best.plan)
        let problems = deployment.problems().filter { $0.severity == .error }
        guard problems.isEmpty else { throw Problems(problems) }
        try writeFileAtomically(Array(deployment.text().utf8), to: path)
    }
}
