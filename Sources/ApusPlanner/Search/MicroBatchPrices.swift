import ApusBase
import ApusCost
import ApusPlan

/// What one micro-batch costs under one slicing and recomputation, wherever its ranks lie.
struct MicroBatchPrices {
    /// The axes that are settled: slicing, micro-batch size, sequence parallelism, recomputation.
    let strategy: Strategy
    let terms: MemoryTerms
    /// One of each per domain size.
    let domains: [Int]
    let requests: [RequestPricer]
    /// By `variant`.
    let implementations: [Implementation]
    /// For each domain and overlap, the time of a micro-batch through the whole model on one rank.
    private let whole: [[Seconds]]
    private let pricers: [[StagePricer]]

    init(
        _ strategy: Strategy, placed: [PlacedPrices], domains: [Int], problem: SearchProblem,
        step: Step
    ) {
        self.strategy = strategy
        self.domains = domains
        requests = placed.map(\.request)
        let implementations = Self.implementations(strategy)
        self.implementations = implementations
        pricers = placed.map { placed in
            let costs = placed.layers.recomputing(strategy.recompute)
            return implementations.map {
                StagePricer(
                    costs: costs, message: .zero, chunks: 1, implementation: $0)
            }
        }
        whole = pricers.map { $0.map { $0.cost(of: problem.wholeModel).total } }
        var step = step
        step.plan = strategy.plan(sequences: strategy.microBatchSize)
        step.bucket = step.plan.buckets[0]
        terms = MemoryTerms(step)
    }

    /// The implementations that the rest of the strategy may ask for, by `variant`.
    static func implementations(_ strategy: Strategy) -> [Implementation] {
        var plan = strategy.plan(sequences: strategy.microBatchSize)
        return [(false, 1), (true, 1), (true, 2)].map { overlap, chunks in
            plan.overlap = overlap
            plan.schedule = chunks > 1 ? .interleaved : .oneForwardOneBackward
            plan.chunksPerRank = chunks
            return .standard(for: plan)
        }
    }

    /// Which implementation a strategy asks for.
    static func variant(overlap: Bool, chunks: Int) -> Int { overlap ? chunks > 1 ? 2 : 1 : 0 }

    /// Prices stages, with the messages between them.
    func stagePricer(domain: Int, variant: Int, chunks: Int, message: Seconds) -> StagePricer {
        var pricer = pricers[place(domain)][variant]
        pricer.chunks = chunks
        pricer.message = message
        return pricer
    }

    /// The time of the micro-batch through the whole model, without messages; no stage's mean share
    /// is less.
    func whole(domain: Int, variant: Int) -> Seconds { whole[place(domain)][variant] }

    func request(domain: Int) -> RequestPricer { requests[place(domain)] }

    private func place(_ domain: Int) -> Int { domains.firstIndex(of: domain) ?? 0 }
}
