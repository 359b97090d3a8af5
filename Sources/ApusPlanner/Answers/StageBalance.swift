import ApusBase
import ApusCost
import ApusPlan

/// Gives a finalist the split of layers that suits its stages best.
///
/// The search splits layers evenly, but the embedding and above all the head weigh as much as
/// layers do.
struct StageBalance {
    let problem: SearchProblem

    /// The same plan with the best split, where it fits and is better than the even one.
    func balanced(_ strategy: PlannedStrategy) -> PlannedStrategy {
        guard strategy.plan.degrees.pipeline > 1 else { return strategy }
        let balance = problem.costModel.layerBalance(
            over: strategy.lengths.map { ($0.weight, $0.step) })
        guard let counts = balance.split() else { return strategy }
        let balanced = PlannedStrategy(strategy.plan.splitting(layers: counts), for: problem)
        // An uneven split has to be worth its trouble.
        return balanced.memoryPeak <= problem.memoryLimit
            && balanced.stepTime.count * Ranking.tie < strategy.stepTime.count
            ? balanced : strategy
    }
}
