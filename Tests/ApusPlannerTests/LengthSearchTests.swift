import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusPlanner

@Suite("Search over strategies of one length")
struct LengthSearchTests {
    /// Every strategy that fits, priced by the cost model's own prediction.
    private func exhaustive(_ problem: SearchProblem) -> [Candidate] {
        problem.space.strategies.compactMap { strategy in
            let step = problem.step(strategy, length: problem.workload.sequenceLengths[0])
            let prediction = problem.costModel.predict(step)
            guard prediction.memoryPeak <= problem.memoryLimit else { return nil }
            return Candidate(
                strategy: strategy, stepTime: prediction.stepTime, memory: prediction.memoryPeak,
                timeToFirstToken: problem.costModel.timeToFirstToken(of: step))
        }
    }

    @Test("pruning loses neither the best nor the front", arguments: SmallProblems.seeds)
    func pruningLosesNothing(seed: UInt64) {
        let problem = SmallProblems.problem(seed: seed)
        let planner = Planner(problem)
        let pruned = planner.search(length: 512)
        var options = Planner.Options()
        options.isPruning = false
        let whole = planner.search(length: 512, options)
        #expect(pruned.ranked == whole.ranked)
        #expect(pruned.front == whole.front)
        #expect(pruned.counts.evaluated <= whole.counts.evaluated)
        #expect(whole.counts.pruned == 0)
        #expect(whole.counts.evaluated == problem.space.strategies.count)
    }

    @Test("the search finds what pricing every strategy finds", arguments: 1...4)
    func agreesWithPrediction(seed: UInt64) throws {
        let problem = SmallProblems.problem(seed: seed)
        let answer = Planner(problem).search(length: 512)
        let all = exhaustive(problem)
        #expect(answer.counts.searched == problem.space.strategies.count)
        guard let best = all.map(\.stepTime).min() else {
            #expect(answer.ranked.isEmpty)
            return
        }
        let fastest = try #require(answer.ranked.map(\.stepTime).min())
        #expect(abs(fastest / best - 1) < 0.005001)
        #expect(answer.ranked[0].stepTime.count <= best.count * 1.005)
        for candidate in answer.ranked + answer.front {
            let same = try #require(all.first { $0.strategy == candidate.strategy })
            #expect(abs(candidate.stepTime / same.stepTime - 1) < 1e-9)
            // Components are rounded to bytes one by one.
            #expect(abs(candidate.memory.count - same.memory.count) <= 8)
            #expect(abs(candidate.timeToFirstToken / same.timeToFirstToken - 1) < 1e-9)
        }
        // Sums in another order may settle a tie within a box otherwise.
        var front = ParetoFront()
        for candidate in all { front.insert(candidate, in: ParetoFront.Box(candidate)) }
        let boxes = Set(front.candidates.map { ParetoFront.Box($0) })
        #expect(boxes == Set(answer.front.map { ParetoFront.Box($0) }))
    }
}
