import ApusBase
import ApusCost
import ApusPlan

/// The search of all strategies for sequences of one length.
///
/// The loops go from what prices kernels to what only adds up: slicing, micro-batch, recomputation,
/// pipeline, split, placement, overlap, schedule, ZeRO stage. At each level a bound on step time,
/// memory and time to first token ends the loops below it.
struct LengthSearch {
    let problem: SearchProblem
    let length: Int
    var tables: LengthTables
    var ranking: Ranking
    var front = ParetoFront()
    var counts = SearchCounts()
    /// The strategy that needs least memory of all that were looked at.
    var leanest: Leanest?
    /// Whether bounds end loops; without them every strategy is evaluated.
    let isPruning: Bool
    /// Bytes of a rank.
    let memoryLimit: Double
    /// How much slower than its bound a strategy is at least: the last digits of sums differ.
    static let rounding = 1 - 1e-9

    struct Leanest {
        /// Bytes.
        var memory: Double
        var strategy: Strategy
    }

    init(_ problem: SearchProblem, length: Int, countMax: Int, isPruning: Bool) {
        self.problem = problem
        self.length = length
        self.isPruning = isPruning
        memoryLimit = Double(problem.memoryLimit.count)
        tables = LengthTables(problem, length: length)
        ranking = Ranking(countMax: countMax)
    }

    /// Searches everything.
    mutating func run() {
        let slicings = problem.space.slicings
        counts.searched = problem.space.count(slicings, splits: problem.splits)
        for slicing in slicings { search(slicing) }
    }

    private mutating func search(_ slicing: Slicing) {
        let degrees = problem.space.pipelines(slicing).map {
            slicing.degrees(pipeline: $0.pipeline, data: $0.data)
        }
        guard !degrees.isEmpty else { return }
        let domains = problem.domains(degrees)
        let shareMax = degrees.map { problem.space.sequences / $0.data }.max() ?? 1
        var pipelines = degrees.map { PipelineState($0, domains: domains, problem: problem) }
        for isSequenceParallel in problem.space.sequenceParallel(slicing) {
            var slice = SliceState(
                slicing, isSequenceParallel: isSequenceParallel, shareMax: shareMax,
                domains: domains)
            slice.sizes.removeLast(slice.sizes.count - countOfSizes(slice, pipelines))
            guard !slice.sizes.isEmpty else { continue }
            slice.price(&tables.prices, model: problem.wholeModel)
            for recompute in Plan.Recompute.allCases.indices {
                for place in pipelines.indices {
                    search(&slice, recompute: recompute, in: &pipelines[place])
                }
            }
        }
        for pipeline in pipelines { ranking.insert(pipeline.near) }
    }

    /// How many of the sizes may fit: a larger micro-batch holds no less.
    private mutating func countOfSizes(_ slice: SliceState, _ pipelines: [PipelineState]) -> Int {
        var (fitting, all) = (0, slice.sizes.count)
        while fitting < all {
            let middle = (fitting + all) / 2
            var strategy = strategy(slice, size: middle)
            strategy.recompute = .full
            let terms = terms(strategy)
            let size = slice.sizes[middle]
            if pipelines.contains(where: { canFit(memoryFloor(terms, size: size, $0)) }) {
                fitting = middle + 1
            } else {
                all = middle
            }
        }
        return fitting
    }

    /// All strategies of a pipeline with one way to recompute.
    private mutating func search(
        _ slice: inout SliceState, recompute: Int, in pipeline: inout PipelineState
    ) {
        for (index, size) in slice.sizes.enumerated() where pipeline.share.isMultiple(of: size) {
            if slice.batches[recompute][index] == nil {
                var strategy = strategy(slice, size: index)
                strategy.recompute = Plan.Recompute.allCases[recompute]
                slice.batches[recompute][index] = MicroBatchPrices(
                    strategy, terms: terms(strategy), domainCount: slice.domains.count)
            }
            guard let batch = slice.batches[recompute][index] else { continue }
            let memory = memoryFloor(batch.terms, size: size, pipeline)
            guard canFit(memory) else { break }
            let floor = floor(slice, memory: memory, in: pipeline)
            let perSequence = Double(pipeline.share) / Double(pipeline.degrees.pipeline)
            func isHopeless(orLarger: Bool) -> Bool {
                var floor = floor
                floor.time =
                    perSequence
                    * slice.least(recompute: recompute, size: index, orLarger: orLarger)
                return self.isHopeless(floor, in: pipeline)
            }
            if isPruning {
                if isHopeless(orLarger: true) { break }
                if isHopeless(orLarger: false) { continue }
            }
            price(&slice, recompute: recompute, size: index, in: pipeline)
            search(slice, recompute: recompute, size: index, floor: floor, in: &pipeline)
        }
    }

    private func strategy(_ slice: SliceState, size: Int) -> Strategy {
        var strategy = Strategy(degrees: slice.slicing.degrees(pipeline: 1, data: 1))
        strategy.microBatchSize = slice.sizes[size]
        strategy.sequenceParallel = slice.isSequenceParallel
        return strategy
    }

    /// Prices a micro-batch wherever its ranks may lie under a pipeline.
    private mutating func price(
        _ slice: inout SliceState, recompute: Int, size: Int, in pipeline: PipelineState
    ) {
        for domain in pipeline.domains
        where slice.batches[recompute][size]?.placed[domain] == nil {
            let layers = tables.prices.layers(
                slice.slicing, sequences: slice.sizes[size],
                isSequenceParallel: slice.isSequenceParallel, domain: slice.domains[domain])
            slice.batches[recompute][size]?.price(
                domain, layers, slice.overlaps, model: problem.wholeModel)
        }
    }

    private mutating func terms(_ strategy: Strategy) -> MemoryTerms {
        tables.terms(strategy, stored: strategy.degrees)
    }
}
