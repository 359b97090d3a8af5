import ApusBase
import ApusCost
package import ApusPlan

/// Why a strategy that somebody has in mind is not the one that the planner recommends.
package enum WhyNot: Hashable, Sendable {
    /// It is no strategy for this model, cluster and batch.
    case impossible(String)
    /// A rank would have to hold more than it has.
    case tooLarge(PlannedStrategy)
    /// It runs, and takes this much longer; a negative share is shorter.
    case slower(PlannedStrategy, share: Double, because: [Cause])

    /// A part of the step that differs, as a share of the recommended strategy's step.
    package struct Cause: Hashable, Sendable {
        package var name: String
        package var share: Double
    }

    /// Why `plan` is not `best`; with no best one, only whether it fits.
    package init(_ plan: Plan, best: PlannedStrategy?, problem: SearchProblem) {
        if let obstacle = problem.space.obstacle(plan.degrees) {
            self = .impossible(obstacle)
            return
        }
        let strategy = PlannedStrategy(plan, for: problem)
        guard strategy.memoryPeak <= problem.memoryLimit else {
            self = .tooLarge(strategy)
            return
        }
        self = WhyNot.compare(strategy, with: best ?? strategy)
    }

    /// Why the best strategy with these degrees is not `best`.
    package init(_ degrees: Degrees, best: PlannedStrategy?, problem: SearchProblem) {
        if let obstacle = problem.space.obstacle(degrees) {
            self = .impossible(obstacle)
            return
        }
        let planner = Planner(problem.restricted(to: degrees))
        let answer = planner.search()
        if let own = planner.finalists(answer).first {
            self = WhyNot.compare(own, with: best ?? own)
        } else if let leanest = answer.leanest {
            let plan = leanest.plan(sequences: problem.workload.sequencesPerBatch)
            self = .tooLarge(PlannedStrategy(plan, for: problem))
        } else {
            self = .impossible("no schedule runs these degrees with this batch")
        }
    }

    package static func compare(
        _ strategy: PlannedStrategy, with best: PlannedStrategy
    ) -> WhyNot {
        let causes = TimeParts(best).differences(to: TimeParts(strategy))
            .map { Cause(name: $0.name, share: $0.share) }
        return .slower(
            strategy, share: strategy.stepTime / best.stepTime - 1, because: causes)
    }
}
