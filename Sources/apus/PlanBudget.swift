import ApusPlan
import ApusPlanner
import ArgumentParser

/// How much is trained, and what it may take.
struct PlanBudgetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Tokens to train on, such as `1e12`.", valueName: "count"))
    var tokens: Double?

    @Option(
        help: ArgumentHelp("With `--tokens`: how many GPUs do it in time?", valueName: "count"))
    var days: Double?

    @Option(
        help: ArgumentHelp(
            "Price of a GPU-hour; the cost is that of `--tokens`, or 1e9.", valueName: "price"))
    var price: Double?

    func validate() throws {
        try require(tokens, of: "--tokens", in: 1...1e18)
        try require(days, of: "--days", in: 1e-3...1e5)
        try require(price, of: "--price", in: 0...1e6)
        if days != nil, tokens == nil { throw ValidationError("`--days` goes with `--tokens`") }
    }

    /// What is counted: nothing, the tokens given, or for a price alone a billion.
    var budget: Budget? {
        guard let tokens = tokens ?? price.map({ _ in 1e9 }) else { return nil }
        return Budget(tokens: tokens, pricePerGPUHour: price)
    }
}

/// What a budget's tokens take: at the cluster's size, and where they have to be done in time at
/// the smallest size that is fast enough.
struct PlanBudget {
    var budget: Budget
    var daysMax: Double?
    /// `nil` where nothing fits the cluster.
    var bill: Budget.Bill?
    var found: (strategy: PlannedStrategy, problem: SearchProblem, bill: Budget.Bill)?

    init(
        _ budget: Budget, daysMax: Double?, best: PlannedStrategy?, problem: SearchProblem
    ) {
        self.budget = budget
        self.daysMax = daysMax
        bill = best.map {
            budget.bill(
                tokensPerSecond: $0.tokensPerSecond, gpus: problem.cluster.worldSize)
        }
        found = daysMax.flatMap { budget.smallest(days: $0, problem: problem) }
    }

    var isFound: Bool { daysMax == nil || found != nil }
}
