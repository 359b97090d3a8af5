import ApusBase
import ApusCost
import ApusPlan

/// What one micro-batch costs under one slicing and recomputation, wherever its ranks lie.
struct MicroBatchPrices {
    /// The axes that are settled: slicing, micro-batch size, sequence parallelism, recomputation.
    let strategy: Strategy
    let terms: MemoryTerms
    /// One of each per domain.
    private(set) var costs: [LayerCosts] = []
    /// For each domain and variant of overlap, the time of a micro-batch through the whole model
    /// on one rank, without messages; no stage's share is less on the mean.
    private(set) var whole: [[Seconds]] = []
    /// For each domain, the least over the variants.
    private(set) var wholeMin: [Seconds] = []

    init(_ strategy: Strategy, terms: MemoryTerms) {
        self.strategy = strategy
        self.terms = terms
    }

    mutating func price(_ layers: [LayerPrices], _ overlaps: OverlapVariants, model: StageLayers) {
        costs = layers.map { $0.recomputing(strategy.recompute) }
        whole = costs.map { costs in
            overlaps.pricers.map { $0.cost(of: model, costs).total }
        }
        wholeMin = whole.map { $0.min() ?? .zero }
    }
}

/// The ways in which strategies with one slicing may overlap.
struct OverlapVariants {
    let implementations: [Implementation]
    let pricers: [StagePricer]

    init(_ slicing: Slicing) {
        var plan = Plan(degrees: slicing.degrees(pipeline: 1, data: 1), buckets: [])
        implementations = [(false, 1), (true, 1), (true, 2)].map { overlap, chunks in
            plan.overlap = overlap
            plan.schedule = chunks > 1 ? .interleaved : .oneForwardOneBackward
            plan.chunksPerRank = chunks
            return .standard(for: plan)
        }
        pricers = implementations.map {
            StagePricer(message: .zero, chunks: 1, implementation: $0)
        }
    }

    /// The variant of a strategy.
    static func index(overlap: Bool, chunks: Int) -> Int { overlap ? chunks > 1 ? 2 : 1 : 0 }

    /// Prices stages, with the messages between them.
    func pricer(_ variant: Int, chunks: Int, message: Seconds) -> StagePricer {
        var pricer = pricers[variant]
        pricer.chunks = chunks
        pricer.message = message
        return pricer
    }
}
