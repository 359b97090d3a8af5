/// Where assignments go when the router's own choice is set aside, for benchmarks and for faults.
///
/// Each is a pure function of the step and the token, so that runtime and simulator agree on it.
package enum RoutingPattern: String, Hashable, Sendable, CaseIterable {
    /// The router chooses.
    case natural
    /// Every expert gets the same number of assignments.
    case balanced
    /// Nine of ten tokens have expert 0 among theirs.
    case hotExpert = "hot_expert"
    /// Nine of ten tokens go to the experts of the first rank, as far as it has enough of them.
    case hotRank = "hot_rank"
    /// The last rank's experts get no token.
    case idleRank = "idle_rank"
    /// The last expert gets no token.
    case idleExpert = "idle_expert"
    /// The hot expert is another one in each step.
    case rotating
    /// Every eighth step has a hot expert, the others are balanced.
    case burst
}

extension RoutingPattern {
    /// The experts of a token, `topK` different ones, or `nil` where the router chooses.
    ///
    /// - Parameters:
    ///   - token: the token's index, on its rank or in the batch.
    ///   - step: the step's index, from 0.
    ///   - experts: experts of the layer, at least `topK`.
    ///   - topK: experts of one token.
    ///   - ranks: ranks that share them evenly.
    /// - Returns: their indices, the first choice first.
    package func experts(
        ofToken token: Int, step: Int, experts: Int, topK: Int, ranks: Int
    ) -> [Int]? {
        precondition(topK > 0 && topK <= experts, "a token has different experts")
        precondition(ranks > 0 && experts % ranks == 0, "ranks share experts evenly")
        let isRegular = token % 10 != 9
        switch self {
        case .natural:
            return nil
        case .balanced:
            return spread(token, topK, over: experts)
        case .hotExpert:
            return isRegular ? hot(0, token, topK, experts) : spread(token, topK, over: experts)
        case .rotating:
            return isRegular
                ? hot(step % experts, token, topK, experts) : spread(token, topK, over: experts)
        case .burst:
            return step % 8 == 7 && isRegular
                ? hot(0, token, topK, experts) : spread(token, topK, over: experts)
        case .hotRank:
            let share = experts / ranks
            guard isRegular else { return spread(token, topK, over: experts) }
            let own = min(topK, share)
            let others = topK - own
            return spread(token, own, over: share)
                + (others == 0
                    ? [] : spread(token, others, over: experts - share).map { $0 + share })
        case .idleRank:
            return spread(token, topK, over: max(topK, experts - experts / ranks))
        case .idleExpert:
            return spread(token, topK, over: max(topK, experts - 1))
        }
    }

    /// Consecutive experts, from where the token before stopped.
    private func spread(_ token: Int, _ count: Int, over experts: Int) -> [Int] {
        (0..<count).map { (token * count + $0) % experts }
    }

    /// One expert, and others in turn.
    private func hot(_ expert: Int, _ token: Int, _ topK: Int, _ experts: Int) -> [Int] {
        guard topK > 1 else { return [expert] }
        return [expert]
            + spread(token, topK - 1, over: experts - 1).map { $0 < expert ? $0 : $0 + 1 }
    }
}
