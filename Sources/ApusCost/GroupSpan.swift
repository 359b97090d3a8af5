package import ApusBase

/// How the ranks of a process group lie on the network.
package struct GroupSpan: Hashable, Sendable {
    /// Ranks in the group.
    package var ranks: Int
    /// Ranks of the group that share a node, which is one domain of the fastest link.
    package var ranksPerNode: Int

    package init(ranks: Int, ranksPerNode: Int) {
        precondition(ranksPerNode >= 1 && ranksPerNode <= ranks, "a group lies on its nodes")
        self.ranks = ranks
        self.ranksPerNode = ranksPerNode
    }

    /// The span of the ranks of a group on nodes of `domain` ranks each.
    package init(_ group: [Rank], domain: Int) {
        var counts: [Int: Int] = [:]
        for rank in group { counts[rank.index / max(1, domain), default: 0] += 1 }
        self.init(ranks: max(1, group.count), ranksPerNode: max(1, counts.values.max() ?? 1))
    }

    package var nodes: Int { (ranks + ranksPerNode - 1) / ranksPerNode }
}
