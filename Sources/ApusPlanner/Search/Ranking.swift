import ApusBase

/// The fastest strategies, one for each set of degrees.
///
/// Strategies within half a percent of each other count as equally fast, and of those the simplest
/// stands for the rest: the cost model knows no better, and people have to run it.
struct Ranking {
    /// Times whose ratio is not above this are near-ties.
    static let tie = 1.005
    let countMax: Int
    private var groups: [NearTies] = []
    /// The simplest of the near-ties over all degrees.
    private var simplest = NearTies()

    init(countMax: Int) { self.countMax = max(1, countMax) }

    /// No strategy that takes longer changes the ranking.
    var threshold: Double {
        groups.count < countMax ? .infinity : Self.tie * groups[countMax - 1].best
    }

    mutating func insert(_ group: NearTies) {
        guard group.best < .infinity, group.best <= threshold else { return }
        for entry in group.entries { simplest.insert(entry) }
        let index = groups.firstIndex { $0.best > group.best } ?? groups.count
        groups.insert(group, at: index)
        if groups.count > countMax { groups.removeLast() }
    }

    /// The recommended strategy, then the others by their time.
    var candidates: [Candidate] {
        guard let first = simplest.choice else { return [] }
        let others = groups.compactMap(\.choice)
            .filter { $0.strategy.degrees != first.strategy.degrees }
            .sorted { $0.isFaster(than: $1) }
        return Array(([first] + others).prefix(countMax))
    }
}

/// Strategies of which none is both faster and simpler than another, within a near-tie of the best.
struct NearTies {
    private(set) var entries: [Candidate] = []

    private(set) var best = Double.infinity
    var threshold: Double { Ranking.tie * best }

    mutating func insert(_ candidate: Candidate) {
        guard candidate.stepTime.count <= threshold,
            !entries.contains(where: { $0.beats(candidate) })
        else { return }
        entries.removeAll { candidate.beats($0) }
        entries.append(candidate)
        best = min(best, candidate.stepTime.count)
        let limit = threshold
        entries.removeAll { $0.stepTime.count > limit }
    }

    /// The simplest.
    var choice: Candidate? {
        entries.min { left, right in
            let (one, two) = (left.strategy.complexity, right.strategy.complexity)
            return one == two ? left.isFaster(than: right) : one < two
        }
    }
}

extension Candidate {
    /// Whether the other one is neither simpler nor faster.
    fileprivate func beats(_ other: Candidate) -> Bool {
        guard strategy.complexity <= other.strategy.complexity else { return false }
        return strategy.complexity < other.strategy.complexity
            ? stepTime <= other.stepTime : isFaster(than: other)
    }
}
