package import ApusBase
import ApusPlan

/// Finds the best strategies of a model on a cluster for a workload.
package struct Planner: Sendable {
    package let problem: SearchProblem

    package init(_ problem: SearchProblem) { self.problem = problem }

    package struct Options: Hashable, Sendable {
        /// How many sets of degrees are ranked.
        package var countMax = 8
        /// Whether bounds spare strategies that cannot be among the answers.
        package var isPruning = true

        package init() {}
    }

    /// What a search found.
    package struct Answer: Hashable, Sendable {
        package var counts: SearchCounts
        /// The recommended strategy, then others by their step time, one for each set of degrees.
        package var ranked: [Candidate]
        /// What no strategy beats in step time, memory and time to first token, fastest first.
        package var front: [Candidate]
        /// The strategy that needs least memory, where none fits.
        package var leanest: Strategy?
        package var leastMemory: Bytes?
    }

    /// The answer's ranked strategies with predictions, the recommended one first.
    ///
    /// The first few are given the split of layers that suits their stages best.
    package func finalists(_ answer: Answer, balanced count: Int = 3) -> [PlannedStrategy] {
        let balance = StageBalance(problem: problem)
        let strategies = answer.ranked.enumerated().map { index, candidate in
            let strategy = planned(candidate)
            return index < count ? balance.balanced(strategy) : strategy
        }
        guard let fastest = strategies.map(\.stepTime.count).min() else { return [] }
        // The recommended one stays first while it is among the near-ties of the fastest.
        let first = strategies.indices.first {
            strategies[$0].stepTime.count <= Ranking.tie * fastest
        }
        let others = strategies.indices.filter { $0 != first }
            .sorted { strategies[$0].stepTime < strategies[$1].stepTime }
        return ((first.map { [$0] } ?? []) + others).map { strategies[$0] }
    }

    package func planned(_ candidate: Candidate) -> PlannedStrategy {
        PlannedStrategy(
            candidate.plan(sequences: problem.workload.sequencesPerBatch), for: problem)
    }

    /// Searches all strategies for sequences of one length.
    package func search(
        length: Int, _ options: Options = Options()
    ) -> Answer {
        var search = LengthSearch(
            problem, length: length, countMax: options.countMax, isPruning: options.isPruning)
        search.run()
        return Answer(
            counts: search.counts, ranked: search.ranking.candidates,
            front: search.front.candidates, leanest: search.leanest?.strategy,
            leastMemory: search.leanest.map { Bytes(Int(min($0.memory, 0x1p60))) })
    }

    /// Searches the strategies for all lengths of the workload.
    package func search(
        _ options: Options = Options()
    ) -> Answer {
        let lengths = LengthShare.all(of: problem.workload)
        guard lengths.count > 1 else {
            return search(length: lengths[0].length, options)
        }
        var search = MixedSearch(
            problem, lengths: lengths, countMax: options.countMax, isPruning: options.isPruning)
        search.run()
        var answer = Answer(
            counts: search.counts, ranked: search.ranking.candidates,
            front: search.front.candidates)
        guard answer.ranked.isEmpty else { return answer }
        // The longest sequences need most.
        let longest = self.search(length: lengths[lengths.count - 1].length, options)
        answer.leanest = longest.leanest
        answer.leastMemory = longest.leastMemory
        return answer
    }
}
