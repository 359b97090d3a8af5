import ApusBase
import ApusCost
import ApusPlan

/// What the strategies with one slicing, with or without sequence parallelism, share in a search.
struct SliceState {
    let slicing: Slicing
    let isSequenceParallel: Bool
    /// How many ranks of a stage share the fastest link, under any pipeline and placement.
    let domains: [Int]
    let overlaps: OverlapVariants
    /// Micro-batch sizes, ascending.
    var sizes: [Int]
    /// What a request costs, for each domain.
    var requests: [RequestPricer] = []
    /// Seconds that a sequence takes at least on one rank for the whole model, by recomputation and
    /// size.
    private var least: [[Double]] = []
    /// The same for this size and all larger ones.
    private var leastFrom: [[Double]] = []
    /// By recomputation and size, once it is needed.
    var batches: [[MicroBatchPrices?]] = []

    init(
        _ slicing: Slicing, isSequenceParallel: Bool, shareMax: Int, domains: [Int]
    ) {
        self.slicing = slicing
        self.isSequenceParallel = isSequenceParallel
        self.domains = domains
        overlaps = OverlapVariants(slicing)
        sizes = divisors(of: shareMax)
    }

    /// Prices requests, and what limits micro-batches of each size.
    mutating func price(_ prices: inout PartPrices, model: StageLayers) {
        requests = domains.map {
            prices.request(slicing, isSequenceParallel: isSequenceParallel, domain: $0)
        }
        let recomputes = Plan.Recompute.allCases
        least = recomputes.map { _ in sizes.map { _ in .infinity } }
        for (index, size) in sizes.enumerated() {
            for domain in domains {
                let layers = prices.layers(
                    slicing, sequences: size, isSequenceParallel: isSequenceParallel,
                    domain: domain)
                for (row, recompute) in recomputes.enumerated() {
                    let time = layers.recomputing(recompute).least(of: model)
                    least[row][index] = min(least[row][index], time / Double(size))
                }
            }
        }
        leastFrom = least
        for row in leastFrom.indices {
            for index in sizes.indices.dropLast().reversed() {
                leastFrom[row][index] = min(least[row][index], leastFrom[row][index + 1])
            }
        }
        batches = recomputes.map { _ in sizes.map { _ in nil } }
    }

    /// Seconds that a sequence takes at least on one rank for the whole model, in a micro-batch of
    /// a size, or of this or any larger size.
    func least(recompute: Int, size: Int, orLarger: Bool) -> Double {
        orLarger ? leastFrom[recompute][size] : least[recompute][size]
    }
}
