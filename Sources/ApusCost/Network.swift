package import ApusBase
package import ApusPlan

import func Glibc.log2

/// The time of one collective on a cluster.
///
/// Inside a node (the domain of the fastest link) measured curves count, stretched to the cluster's
/// own bandwidth, or ring formulas where the GPU's links were not measured. Across nodes the group
/// is limited by the network interfaces of its ranks, or by the links inside.
package struct Network: Sendable {
    /// How well founded the times inside a node are.
    package let provenance: Provenance
    let inner: Link
    let outer: [Link]
    let gpusPerNode: Int
    /// How much longer a collective of eight ranks of a node takes within a step than in a
    /// benchmark of its own, where all start at once.
    ///
    /// Assumption: the wait for the last rank grows with the logarithm of their number.
    let slowdown: Double
    /// By `Collective`, in the order of its cases; `nil` where the links were not measured.
    private let curves: [CollectiveCurve?]
    /// The same over whole nodes.
    private let outerCurves: [CollectiveCurve?]

    /// The achieved share of a network interface's bandwidth in large messages.
    ///
    /// Fitted: 92 GB/s in a published all-reduce over 32 GPUs with 100 GB/s per node.
    /// Source: stas00/ml-engineering@744d01e, `network/benchmarks`.
    static let interfaceShare = 0.92
    /// The same in an all-to-all, whose messages cross rails.
    ///
    /// Assumption: a little less than what DeepEP's kernels reach, 0.88 to 0.91.
    static let exchangeShare = 0.85
    /// The achieved share of an unmeasured link inside a node.
    ///
    /// Fitted: NVLink reaches 0.78 (A100, 8 ranks) to 0.82 in large messages.
    static let linkShare = 0.8
    /// The time from one node to the next within a collective.
    ///
    /// Fitted: 68 µs for 32 KiB in the same all-reduce, less what happens inside the nodes.
    static let hop = 10e-6
    /// The time of starting a collective.
    ///
    /// Fitted: the least of any measured message.
    static let start = 5e-6
    /// What each further peer adds to an all-to-all across nodes.
    ///
    /// Assumption: one message's posting.
    static let peer = 1e-6

    package init(cluster: Cluster, slowdown: Double = 1) {
        self.slowdown = slowdown
        let links = cluster.linksOrDefault
        // One GPU alone has no links, and no group to ask about.
        let none = Link(
            level: "node", gpuCount: 1, bandwidthGBPerSecond: 1, latencyMicroseconds: 0)
        inner = links.first ?? none
        outer = links.count > 1 ? Array(links.dropFirst()) : [inner]
        gpusPerNode = max(1, inner.gpuCount)
        let known = MeasuredCollectives.System.standing(for: cluster.gpu.name)
        let ratio =
            (known?.system.linkGBPerSecond ?? 1) / max(1e-3, inner.bandwidthGBPerSecond)
        let own = CalibratedCollectives(cluster, domain: gpusPerNode)
        curves = Collective.allCases.map { collective in
            own.inside(collective)
                ?? known.map { CollectiveCurve($0.system, collective, slowdown: ratio) }
        }
        outerCurves = Collective.allCases.map(own.across)
        provenance =
            !own.isEmpty
            ? .measured
            : known.map { $0.isOwn && ratio == 1 ? .measured : .interpolated } ?? .roofline
    }

    /// The time of `collective` with `payload` bytes, as ``Collective`` counts them.
    package func time(_ collective: Collective, payload: Double, span: GroupSpan) -> Seconds {
        guard span.ranks > 1, payload > 0 else { return .zero }
        if span.nodes == 1 {
            let alone = inside(collective, payload: payload, ranks: span.ranks)
            // The pieces of an all-to-all go their ways at once and wait for nobody in between.
            let waits = collective == .allToAll ? 0 : log2(Double(span.ranks)) / 3
            return Seconds(alone * (1 + (slowdown - 1) * waits))
        }
        return Seconds(across(collective, payload: payload, span: span))
    }

    func inside(_ collective: Collective, payload: Double, ranks: Int) -> Double {
        if let curve = curves[collective.index] { return curve.time(payload, ranks: ranks) }
        let rate = inner.bandwidthGBPerSecond * 1e9 * Self.linkShare
        let latency = inner.latencyMicroseconds * 1e-6 * collective.steps(ranks: ranks)
        return Self.start + latency + payload * collective.wireShare(ranks: ranks) / rate
    }

    private func across(_ collective: Collective, payload: Double, span: GroupSpan) -> Double {
        // Groups of whole nodes are what was measured across them.
        if span.ranksPerNode == gpusPerNode, let curve = outerCurves[collective.index] {
            return curve.time(payload, ranks: span.ranks)
        }
        let link = slowest(nodes: span.nodes)
        let rate = link.bandwidthGBPerSecond * 1e9 * Self.interfaceShare
        let hop = max(Self.hop, link.latencyMicroseconds * 1e-6)
        switch collective {
        case .pointToPoint:
            return Self.start + hop + payload / rate
        case .allToAll:
            let away = payload * Double(span.ranks - span.ranksPerNode) / Double(span.ranks)
            let near = payload * Double(span.ranksPerNode) / Double(span.ranks)
            let inside =
                span.ranksPerNode > 1
                ? inside(collective, payload: near, ranks: span.ranksPerNode) : 0
            let exchangeRate = link.bandwidthGBPerSecond * 1e9 * Self.exchangeShare
            return hop + Self.peer * Double(span.ranks) + max(away / exchangeRate, inside)
        case .allReduce, .reduceScatter, .allGather:
            // All interfaces of the node's ranks carry the ring together.
            let wire = payload * collective.wireShare(ranks: span.ranks)
            let outside = wire / (rate * Double(span.ranksPerNode))
            let inside =
                span.ranksPerNode > 1
                ? inside(collective, payload: payload, ranks: span.ranksPerNode) : Self.start
            // Protocols of low latency for small messages need twice the time on the wire.
            let small = min(outside, 4 * hop)
            return hop * collective.hops(nodes: span.nodes) + max(outside + small, inside)
        }
    }

    /// The level of the network that a group crosses, as an index into the cluster's links from the
    /// innermost.
    package func level(of span: GroupSpan) -> Int {
        guard span.nodes > 1 else { return 0 }
        let extent = span.nodes * gpusPerNode
        return 1 + (outer.firstIndex { $0.gpuCount >= extent } ?? outer.count - 1)
    }

    /// The share of a rank's bandwidth at its level that a collective uses in `time`.
    func bandwidthShare(
        _ collective: Collective, payload: Double, span: GroupSpan, in time: Seconds
    ) -> Double {
        guard span.ranks > 1, time > .zero else { return 0 }
        let wire = payload * collective.wireShare(ranks: span.ranks)
        guard span.nodes > 1 else {
            return min(1, wire / (inner.bandwidthGBPerSecond * 1e9 * time.count))
        }
        let link = slowest(nodes: span.nodes)
        // The interfaces of a node's ranks carry rings together; rows of its own stay inside.
        let outside =
            switch collective {
            case .pointToPoint: wire
            case .allToAll: payload * Double(span.ranks - span.ranksPerNode) / Double(span.ranks)
            case .allReduce, .reduceScatter, .allGather: wire / Double(span.ranksPerNode)
            }
        return min(1, outside / (link.bandwidthGBPerSecond * 1e9 * time.count))
    }

    /// The slowest link on the way between `nodes` nodes that lie side by side.
    func slowest(nodes: Int) -> Link {
        let extent = nodes * gpusPerNode
        var slowest = outer[0]
        for (index, link) in outer.enumerated() {
            // A level counts once the level inside it is too small for the group.
            if index > 0, outer[index - 1].gpuCount >= extent { break }
            if link.bandwidthGBPerSecond < slowest.bandwidthGBPerSecond { slowest = link }
        }
        return slowest
    }
}

extension Collective {
    /// The place among all cases.
    fileprivate var index: Int {
        switch self {
        case .allReduce: 0
        case .reduceScatter: 1
        case .allGather: 2
        case .allToAll: 3
        case .pointToPoint: 4
        }
    }

    /// Messages that follow one another inside a node, for small payloads.
    ///
    /// Assumption: trees for the all-reduce, recursive doubling for the others.
    fileprivate func steps(ranks: Int) -> Double {
        switch self {
        case .allReduce: 2 * log2(Double(ranks))
        case .reduceScatter, .allGather: log2(Double(ranks))
        case .allToAll, .pointToPoint: 1
        }
    }

    /// Messages between nodes that follow one another, for small payloads.
    ///
    /// NCCL reduces over a tree, up and down, and scatters and gathers around a ring.
    fileprivate func hops(nodes: Int) -> Double {
        switch self {
        case .allReduce: 2 * log2(Double(nodes))
        case .reduceScatter, .allGather: Double(nodes - 1)
        case .allToAll, .pointToPoint: 1
        }
    }
}
