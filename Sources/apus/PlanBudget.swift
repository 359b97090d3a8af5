import ApusPlan
import ApusPlanner
import ArgumentParser

/// How much is trained, and what it may take.
struct PlanBudgetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Tokens to train on, such as `1e12`.", valueName: "count"))
    var tokens: Double?

    @Option(
        help: ArgumentHelp(
            """
            With `--tokens`: how many GPUs do it in time? Tried are 1, 2, 3, 4, 6, 8, 12, … nodes, \
            then those between the first that do and the ones before, from 128 nodes in steps.
            """, valueName: "count"))
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
    /// `nil` without a limit of days.
    var sizing: Budget.Sizing?

    init(
        _ budget: Budget, daysMax: Double?, best: PlannedStrategy?, problem: SearchProblem,
        onSize: (Int) -> Void
    ) {
        self.budget = budget
        self.daysMax = daysMax
        bill = best.map { budget.bill(of: $0) }
        sizing = daysMax.map { budget.sizing(days: $0, problem: problem, onSize: onSize) }
    }

    var found: Budget.Size? { sizing?.found }
}
