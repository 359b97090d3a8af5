package import ApusPlan

/// Where the groups of a plan's meshes lie on the nodes of a cluster.
///
/// The ranks of a group are `stride` apart, because the order of the axes is fixed (`Mesh`).
package struct GroupLayout: Hashable, Sendable {
    private let degrees: Degrees
    private let placement: Plan.Placement
    /// GPUs of one domain of the fastest link.
    private let domain: Int

    package init(degrees: Degrees, placement: Plan.Placement, domain: Int) {
        self.degrees = degrees
        self.placement = placement
        self.domain = domain
    }

    package var tensor: GroupSpan { span(degrees.tensor, stride: 1) }
    package var context: GroupSpan { span(degrees.context, stride: degrees.tensor) }
    /// Ranks that hold the same dense weights.
    package var denseData: GroupSpan {
        span(degrees.data * degrees.context, stride: degrees.tensor)
    }
    package var expert: GroupSpan { span(degrees.expert, stride: degrees.expertTensor) }
    package var expertTensor: GroupSpan { span(degrees.expertTensor, stride: 1) }
    package var expertData: GroupSpan {
        span(degrees.expertData, stride: degrees.expert * degrees.expertTensor)
    }
    /// Two neighbouring stages, where they lie farthest apart; the first and the last one too.
    ///
    /// All micro-batches pass each boundary, so the one that crosses nodes counts.
    package var pipeline: GroupSpan {
        let stride = placement == .outermost ? degrees.stageSize : 1
        return GroupSpan(ranks: 2, ranksPerNode: stride * degrees.pipeline <= domain ? 2 : 1)
    }

    private func span(_ ranks: Int, stride: Int) -> GroupSpan {
        let step = placement == .outermost ? stride : stride * degrees.pipeline
        return GroupSpan(ranks: ranks, ranksPerNode: max(1, min(ranks, domain / step)))
    }
}
