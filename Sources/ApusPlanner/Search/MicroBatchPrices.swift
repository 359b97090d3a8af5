import ApusBase
import ApusCost
import ApusPlan

/// What one micro-batch costs under one slicing and recomputation, wherever its ranks lie.
struct MicroBatchPrices {
    /// The axes that are settled: slicing, micro-batch size, sequence parallelism, recomputation.
    let strategy: Strategy
    let terms: MemoryTerms
    /// For each domain, once it is priced.
    private(set) var placed: [PlacedLoads?]

    init(_ strategy: Strategy, terms: MemoryTerms, domainCount: Int) {
        self.strategy = strategy
        self.terms = terms
        placed = Array(repeating: nil, count: domainCount)
    }

    mutating func price(
        _ domain: Int, _ layers: LayerPrices, _ overlaps: OverlapVariants, model: StageLayers
    ) {
        placed[domain] = PlacedLoads(
            layers.recomputing(strategy.recompute), overlaps, model: model)
    }
}

/// What one micro-batch loads on the ranks of one domain.
struct PlacedLoads {
    let loads: LayerLoads
    /// For each variant of overlap, the time of a micro-batch through the whole model on one rank,
    /// without messages; no stage's share is less on the mean.
    let whole: SIMD4<Double>
    /// The least over the variants.
    let wholeMin: Double

    init(_ loads: LayerLoads, _ overlaps: OverlapVariants, model: StageLayers) {
        self.loads = loads
        var whole = SIMD4(repeating: Double.infinity)
        for (variant, pricer) in overlaps.pricers.enumerated() {
            whole[variant] = pricer.run(of: model, loads).total.count
        }
        self.whole = whole
        wholeMin = whole.min()
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
