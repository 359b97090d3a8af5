import ApusBase
import ApusPlan
import ApusPlanner

/// What `apus plan` found for a deployment.
struct PlanOutcome {
    /// A plan with where it stands among all.
    struct Entry {
        var strategy: PlannedStrategy
        /// Whether no other strategy is as good in step time, memory and time to first token, and
        /// clearly better in one of them.
        var isPareto: Bool
    }

    let request: PlanRequest
    let problem: SearchProblem
    let answer: Planner.Answer
    /// The recommended plan, then others by their step time.
    let entries: [Entry]
    /// The second plan, shown or not.
    let runnerUp: PlannedStrategy?
    /// The file's own plan.
    let own: Entry?
    /// How long the search took.
    let seconds: Double
    /// With `--layout`, the best plan of all degrees.
    let unrestricted: PlannedStrategy?
    private(set) var budget: PlanBudget?

    init(_ request: PlanRequest, countMax: Int) {
        let clock = ContinuousClock()
        let start = clock.now
        self.request = request
        let problem = request.problem
        self.problem = problem
        var options = Planner.Options()
        // The runner-up is wanted even where it is not shown.
        options.countMax = max(2, countMax)
        let planner = Planner(problem)
        answer = planner.search(options)
        let strategies = planner.finalists(answer)
        seconds = (clock.now - start) / .seconds(1)
        let front = answer.front.map { PlanRank($0) }
        let own = request.deployment.plan.map { PlannedStrategy($0, for: problem) }
        func entry(_ strategy: PlannedStrategy) -> Entry {
            let rank = PlanRank(strategy)
            let isBeaten =
                front.contains { $0.beats(rank, by: 1.01) }
                || strategies.contains { PlanRank($0).beats(rank, by: 1) }
            return Entry(
                strategy: strategy,
                isPareto: !isBeaten && strategy.memoryPeak <= problem.memoryLimit)
        }
        entries = strategies.prefix(countMax).map(entry)
        runnerUp = strategies.dropFirst().first
        self.own = own.map(entry)
        unrestricted = request.layout.flatMap { _ in Planner(request.wholeProblem).best() }
    }

    var best: PlannedStrategy? { entries.first?.strategy }

    mutating func addBudget(_ budget: Budget, daysMax: Double?, onSize: (Int) -> Void) {
        self.budget = PlanBudget(
            budget, daysMax: daysMax, best: best, problem: problem, onSize: onSize)
    }

    /// Whether there is a plan that does what was asked.
    var isYes: Bool {
        guard let budget, budget.daysMax != nil else { return best != nil }
        return budget.found != nil
    }

    /// The deployment with the plan that was found, on the cluster that it was found for.
    ///
    /// Claims are left out: they are about the file's own plan.
    var deployment: Deployment? {
        guard isYes, let plan = (budget?.found?.strategy ?? best)?.plan else { return nil }
        var deployment = request.deployment
        deployment.cluster = budget?.found?.cluster ?? problem.cluster
        deployment.plan = plan
        deployment.claims = []
        return deployment
    }

    var front: PlanFront { PlanFront(self) }
}

extension PlanRequest {
    var wholeProblem: SearchProblem {
        SearchProblem(
            model: deployment.model, cluster: cluster, workload: deployment.workload,
            routing: deployment.routing)
    }

    /// The problem with the degrees that a flag settles.
    var problem: SearchProblem {
        layout.map { wholeProblem.restricted(to: $0) } ?? wholeProblem
    }
}

/// The three figures by which strategies are compared; less is better in each.
private struct PlanRank {
    var figures: [Double]

    init(_ candidate: Candidate) {
        figures = [
            candidate.stepTime.count, Double(candidate.memory.count),
            candidate.timeToFirstToken.count,
        ]
    }

    init(_ strategy: PlannedStrategy) {
        figures = [
            strategy.stepTime.count, Double(strategy.memoryPeak.count),
            strategy.timeToFirstToken.count,
        ]
    }

    /// Whether this is no worse in any figure, and better in one by more than a factor.
    func beats(_ other: PlanRank, by factor: Double) -> Bool {
        let pairs = zip(figures, other.figures)
        return pairs.allSatisfy { $0 <= $1 } && pairs.contains { $0 * factor < $1 }
    }
}
