import ApusPlan

/// Collectives as they were measured on a cluster itself, inside its nodes and across them.
struct CalibratedCollectives {
    private let rows: [Calibration.Exchange]
    /// Ranks of one node; more of them reach across nodes.
    private let domain: Int

    init(_ cluster: Cluster, domain: Int) {
        rows = cluster.calibration?.collectives ?? []
        self.domain = cluster.nodeCount == 1 ? Int.max : domain
    }

    var isEmpty: Bool { rows.isEmpty }

    func inside(_ collective: Collective) -> CollectiveCurve? {
        curve(collective) { $0.ranks <= domain }
    }

    func across(_ collective: Collective) -> CollectiveCurve? {
        curve(collective) { $0.ranks > domain }
    }

    /// The curve of a collective, or where it was not measured that of what stands for it: an
    /// all-reduce around a ring is a reduce-scatter and an all-gather of equal length.
    private func curve(
        _ collective: Collective, where holds: (Calibration.Exchange) -> Bool
    ) -> CollectiveCurve? {
        if let own = curve(collective, of: collective, share: 1, where: holds) { return own }
        guard collective == .reduceScatter || collective == .allGather else { return nil }
        return curve(collective, of: .allReduce, share: 0.5, where: holds)
    }

    private func curve(
        _ collective: Collective, of measured: Collective, share: Double,
        where holds: (Calibration.Exchange) -> Bool
    ) -> CollectiveCurve? {
        let found = rows.filter { $0.collective == measured && holds($0) }
        guard !found.isEmpty else { return nil }
        let counts = Set(found.map(\.ranks)).sorted()
        let curves = counts.map { count in
            let points = found.filter { $0.ranks == count }.map {
                (size: Double($0.bytes), time: 1e-6 * share * $0.microseconds)
            }
            return (ranks: count, curve: MeasuredCurve(points))
        }
        return CollectiveCurve(curves, collective)
    }
}
