import ApusEngine

/// Where a micro-batch's tokens go in one layer: taken once in forward, read by everything after.
///
/// A class because a decision is shared: the exchange of counts completes it, and islands and
/// transfers of the same layer read it until backward is over. One rank's thread owns it.
final class RoutingDecision {
    /// The experts of each token, `[tokens, topK]`.
    let indices: Tensor
    /// Which assignment each dispatched row is of: rows are sorted by expert, `[tokens × topK]`.
    let order: Tensor
    /// Rows that this rank has for each expert of the layer, by global index.
    let countsByExpert: [Int]
    /// Rows that arrived, by source rank of the expert group and then by local expert.
    private(set) var arrivals: [[Int]]

    /// A decision whose experts all lie on this rank, until `setArrivals` says otherwise.
    init(indices: consuming Tensor, order: consuming Tensor, countsByExpert: [Int]) {
        self.indices = indices
        self.order = order
        self.countsByExpert = countsByExpert
        arrivals = [countsByExpert]
    }

    /// Takes what the exchange of counts brought: for each source rank its rows per local expert.
    func setArrivals(_ counts: [Int], sources: Int) {
        let experts = counts.count / sources
        arrivals = (0..<sources).map { Array(counts[($0 * experts)..<(($0 + 1) * experts)]) }
    }

    /// Takes the rows of the experts, all of which lie on this rank, as if each of `sources` ranks
    /// had sent its share of them.
    func shareArrivals(among sources: Int) {
        arrivals = (0..<sources).map { source in
            countsByExpert.map { $0 / sources + (source < $0 % sources ? 1 : 0) }
        }
    }

    /// Rows to each rank of the expert group.
    func departures(to ranks: Int) -> [Int] {
        let experts = countsByExpert.count / ranks
        return (0..<ranks).map { rank in
            countsByExpert[(rank * experts)..<((rank + 1) * experts)].reduce(0, +)
        }
    }

    /// Rows from each rank of the expert group.
    var arrivalsBySource: [Int] { arrivals.map { $0.reduce(0, +) } }

    /// Rows for each local expert.
    var arrivalsByExpert: [Int] {
        guard let experts = arrivals.first?.count else { return [] }
        return (0..<experts).map { expert in arrivals.reduce(0) { $0 + $1[expert] } }
    }

    /// For each row in order of local experts, where it lies among the arrivals.
    ///
    /// Arrivals are in order of source ranks first. `nil` where the two orders are the same.
    var expertOrder: [Int64]? {
        guard arrivals.count > 1, let experts = arrivals.first?.count else { return nil }
        var starts = arrivals
        var offset = 0
        for source in arrivals.indices {
            for expert in 0..<experts {
                starts[source][expert] = offset
                offset += arrivals[source][expert]
            }
        }
        var result: [Int64] = []
        result.reserveCapacity(offset)
        for expert in 0..<experts {
            for source in arrivals.indices {
                let start = starts[source][expert]
                result += (start..<(start + arrivals[source][expert])).map(Int64.init)
            }
        }
        return result
    }
}
