import ApusBase
import ApusPlan
import ApusPlanner

/// What is said beside the ranking: what limits the best plan and would help it, why others lost,
/// and, where nothing fits, what would.
struct PlanAnswer {
    let advice: [Advice]
    let larger: (cluster: Cluster, strategy: PlannedStrategy)?

    init(_ outcome: PlanOutcome) {
        advice = outcome.best.map { Advice.all(for: $0, problem: outcome.problem) } ?? []
        // Settled degrees are for one size alone.
        larger =
            outcome.best == nil && outcome.request.layout == nil
            ? Planner(outcome.problem).larger() : nil
    }

    /// Where the time of the best plan goes, and what would help it.
    func limits(of best: PlannedStrategy) -> [String] {
        let shares = TimeParts(best).shares().prefix(5)
            .map { "\($0.name) \(percent($0.share))" }
        var lines = ["where the time of its slowest stage goes: \(shares.joined(separator: ", "))"]
        if !advice.isEmpty { lines.append("what would help, each priced anew") }
        for advice in advice.prefix(4) {
            let memory = advice.memory.map { " if a rank could hold \($0)" } ?? ""
            lines.append("  \(advice.change): \(signed(advice.gain)) tokens/s/GPU\(memory)")
        }
        return lines
    }

    /// Why the second plan is not the first.
    func runnerUp(_ runnerUp: PlannedStrategy, best: PlannedStrategy) -> [String] {
        let name = "the runner-up \(runnerUp.plan.degrees.layout)"
        let share = runnerUp.stepTime / best.stepTime - 1
        guard share >= 0.0005 else {
            return [
                "\(name) is as fast as the cost model can tell (\(signed(share)) step time), "
                    + "but no simpler"
            ]
        }
        return [
            "\(name) lost by \(percent(share)) step time"
                + Self.difference(of: runnerUp, from: best)
        ]
    }

    /// Why the degrees of `--layout` are not the best.
    func layout(_ strategy: PlannedStrategy?, best: PlannedStrategy) -> [String] {
        let name = "the best of all degrees, \(best.plan.degrees.layout)"
        guard let strategy else {
            return ["\(name), fits: \(best.stepTime) a step, \(best.memoryPeak) on a rank"]
        }
        guard strategy.plan.degrees != best.plan.degrees else {
            return ["no other degrees are recommended before these"]
        }
        let share = strategy.stepTime / best.stepTime - 1
        return [
            "\(name), takes \(best.stepTime); these take \(signed(share)) step time"
                + Self.difference(of: strategy, from: best)
        ]
    }

    /// How the file's own plan compares.
    func own(_ own: PlannedStrategy, in outcome: PlanOutcome) -> [String] {
        let name = "the file's own plan \(own.plan.degrees.layout)"
        switch WhyNot(own.plan, best: outcome.best, problem: outcome.problem) {
        case .impossible(let obstacle): return ["\(name): \(obstacle)"]
        case .tooLarge:
            return [
                "\(name) does not fit: \(own.memoryPeak) on a rank, which has "
                    + "\(outcome.problem.memoryLimit)"
            ]
        case .slower(_, let share, _):
            guard let best = outcome.best else { return [] }
            if abs(share) < 0.0005 { return ["\(name) is as fast"] }
            return [
                "\(name) takes \(significant(own.stepTime / best.stepTime)) times as long"
                    + Self.difference(of: own, from: best)
            ]
        }
    }

    /// The lines that say that nothing fits, and what would.
    func nothingFits(_ outcome: PlanOutcome) -> [String] {
        let gpus = counted(outcome.problem.cluster.worldSize, "GPU", "GPUs")
        guard let leanest = outcome.answer.leanest, let least = outcome.answer.leastMemory else {
            if let layout = outcome.request.layout,
                let obstacle = outcome.problem.space.obstacle(layout)
            {
                return ["no strategy: \(obstacle)"]
            }
            return ["no strategy divides the model and the batch among \(gpus)"]
                + (larger.map { [Self.fitting($0)] } ?? [])
        }
        let limit = outcome.problem.memoryLimit
        var lines = [
            "nothing fits: a rank needs \(least) at least, and has \(limit)",
            "  least memory: \(leanest.degrees.layout), \(leanest.schedule.name), "
                + "micro-batches of \(leanest.microBatchSize), ZeRO \(leanest.zeroStage), "
                + "recompute \(leanest.recompute.rawValue)",
        ]
        if let larger {
            lines.append(Self.fitting(larger))
        } else if outcome.request.layout == nil {
            lines.append("  16 times the GPUs would not do either")
        }
        return lines
    }

    private static func fitting(
        _ larger: (cluster: Cluster, strategy: PlannedStrategy)
    ) -> String {
        "  \(counted(larger.cluster.worldSize, "GPU", "GPUs")) would do: "
            + "\(larger.strategy.plan.degrees.layout), \(larger.strategy.stepTime) a step, "
            + "\(larger.strategy.memoryPeak) on a rank"
    }

    /// By how much a step is longer, and the parts of it that make most of the difference, as
    /// shares of the best plan's step.
    private static func difference(
        of strategy: PlannedStrategy, from best: PlannedStrategy
    ) -> String {
        let total = strategy.stepTime / best.stepTime - 1
        // Parts that make up less than a twentieth of the difference explain nothing.
        let causes = TimeParts(best).differences(
            to: TimeParts(strategy), least: max(0.0005, total.magnitude / 20))
        let named = causes.prefix(4).map { "\($0.name) \(signed($0.share))" }
        return named.isEmpty ? "" : ": \(named.joined(separator: ", "))"
    }
}

/// A share as a percentage.
func percent(_ share: Double) -> String { "\(fixed(100 * share, decimals: 1)) %" }

/// A share as a percentage with its sign.
private func signed(_ share: Double) -> String { (share < 0 ? "" : "+") + percent(share) }
