import ApusBase
import ApusCost
import ApusPlan

/// Moves layers between the stages of a finalist until no move makes its steps shorter.
///
/// The search splits layers evenly, but the embedding and above all the head weigh as much as
/// layers do. Schedules with several chunks on a rank keep the even split.
struct StageBalance {
    let problem: SearchProblem

    /// The same plan with the best split that is found, where it is better than the even one.
    func balanced(_ strategy: PlannedStrategy) -> PlannedStrategy {
        let stages = strategy.plan.degrees.pipeline
        guard stages > 1, strategy.plan.chunks == 1 else { return strategy }
        var best = strategy
        var counts = (0..<stages).map {
            StageLayers(stage: $0, plan: strategy.plan, model: problem.model).count
        }
        // Each move takes a layer from the slowest stage; more moves than stages help nobody.
        for _ in 0..<stages {
            guard let from = slowest(best), counts[from] > 1 else { break }
            var improved: (PlannedStrategy, [Int])?
            for to in [0, stages - 1, stages / 2, from - 1, from + 1]
            where counts.indices.contains(to) && to != from {
                var moved = counts
                moved[from] -= 1
                moved[to] += 1
                var plan = best.plan
                plan.layersPerStage = moved
                let candidate = PlannedStrategy(plan, for: problem)
                let leastTime = improved?.0.stepTime ?? best.stepTime
                if candidate.memoryPeak <= problem.memoryLimit, candidate.stepTime < leastTime {
                    improved = (candidate, moved)
                }
            }
            guard let improved else { break }
            (best, counts) = improved
        }
        // An uneven split has to be worth its trouble.
        return best.stepTime.count * Ranking.tie < strategy.stepTime.count ? best : strategy
    }

    /// The stage that computes longest, over all lengths.
    private func slowest(_ strategy: PlannedStrategy) -> Int? {
        let stages = 0..<strategy.plan.degrees.pipeline
        func time(_ stage: Int) -> Double {
            strategy.lengths.map { length in
                let time = length.prediction.stages[stage]
                return length.weight * Double(length.step.microBatches)
                    * (time.forward + time.backward + time.forwardCommunication
                    + time.backwardCommunication).count
            }.reduce(0, +)
        }
        return stages.max { time($0) < time($1) }
    }
}
