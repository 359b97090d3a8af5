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
    var prices: PartPrices
    var ranking: Ranking
    var front = ParetoFront()
    var counts = SearchCounts()
    /// The strategy that needs least memory of all that were looked at.
    var leanest: Leanest?
    /// Whether bounds end loops; without them every strategy is evaluated.
    let isPruning: Bool
    /// Bytes of a rank.
    let memoryLimit: Double
    /// The sizes of a layer, whose cuts are set before each use.
    private var layerShape: LayerShape
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
        let step = problem.step(Strategy(degrees: Degrees()), length: length)
        layerShape = LayerShape(step)
        prices = PartPrices(step: step, model: problem.costModel)
        ranking = Ranking(countMax: countMax)
    }

    mutating func run() {
        let slicings = problem.space.slicings
        counts.searched = problem.space.count(slicings, splits: problem.splits)
        for slicing in slicings { search(slicing) }
        counts.pruned = counts.searched - counts.evaluated
    }

    private mutating func search(_ slicing: Slicing) {
        let degrees = problem.space.pipelines(slicing).map {
            slicing.degrees(pipeline: $0.pipeline, data: $0.data)
        }
        guard !degrees.isEmpty else { return }
        var shared = SliceState(slicing, degrees: degrees, problem: problem)
        var pipelines = degrees.map { state($0, domains: shared.domains) }
        for isSequenceParallel in problem.space.sequenceParallel(slicing) {
            shared.requests = shared.domains.map {
                prices.request(slicing, isSequenceParallel: isSequenceParallel, domain: $0)
            }
            for index in pipelines.indices {
                pipelines[index].isOpen = Plan.Recompute.allCases.map { _ in true }
            }
            for size in divisors(of: shared.shareMax) {
                guard pipelines.contains(where: { $0.isOpen.contains(true) }) else { break }
                search(
                    shared, size: size, isSequenceParallel: isSequenceParallel, in: &pipelines)
            }
        }
        for pipeline in pipelines { ranking.insert(pipeline.near) }
    }

    /// All strategies with one micro-batch size.
    private mutating func search(
        _ shared: SliceState, size: Int, isSequenceParallel: Bool,
        in pipelines: inout [PipelineState]
    ) {
        var layers: [LayerPrices?] = shared.domains.map { _ in nil }
        for (index, recompute) in Plan.Recompute.allCases.enumerated() {
            var strategy = Strategy(degrees: shared.slicing.degrees(pipeline: 1, data: 1))
            strategy.microBatchSize = size
            strategy.sequenceParallel = isSequenceParallel
            strategy.recompute = recompute
            var batch = MicroBatchPrices(
                strategy, terms: terms(strategy), domainCount: shared.domains.count)
            for place in pipelines.indices
            where pipelines[place].share.isMultiple(of: size) && pipelines[place].isOpen[index] {
                let memory = memoryFloor(batch, &pipelines[place])
                guard canFit(memory) else {
                    // A larger micro-batch holds no less.
                    pipelines[place].isOpen[index] = false
                    continue
                }
                for domain in pipelines[place].domains where batch.placed[domain] == nil {
                    let priced =
                        layers[domain]
                        ?? prices.layers(
                            shared.slicing, sequences: size, isSequenceParallel: isSequenceParallel,
                            domain: shared.domains[domain])
                    layers[domain] = priced
                    batch.price(domain, priced, shared.overlaps, model: problem.wholeModel)
                }
                search(batch, shared, memory: memory, in: &pipelines[place])
            }
        }
    }

    private mutating func terms(_ strategy: Strategy) -> MemoryTerms {
        layerShape.degrees = strategy.degrees
        layerShape.sequencesPerMicroBatch = strategy.microBatchSize
        layerShape.sequenceParallel = strategy.sequenceParallel
        layerShape.recompute = strategy.recompute
        return MemoryTerms(layerShape, stored: strategy.degrees, workload: problem.workload)
    }

    private func state(_ degrees: Degrees, domains: [Int]) -> PipelineState {
        let space = problem.space
        let splits = problem.splits[degrees.pipeline] ?? []
        let placements = space.placements(pipeline: degrees.pipeline)
        var firstStages: [StageLayers] = []
        for layers in splits.map(\.kinds[0].layers)
        where !firstStages.contains(where: { $0.holdsNoMore(than: layers) }) {
            firstStages.removeAll { layers.holdsNoMore(than: $0) }
            firstStages.append(layers)
        }
        return PipelineState(
            degrees: degrees, share: space.sequences / degrees.data, splits: splits,
            zeroStages: space.zeroStages(degrees), placements: placements,
            domains: placements.map { placement in
                let domain = problem.domain(placement, pipeline: degrees.pipeline)
                return domains.firstIndex(of: domain) ?? 0
            },
            firstStages: firstStages, stateCosts: placements.map { _ in splits.map { _ in nil } })
    }
}

extension StageLayers {
    /// Whether a stage with these layers needs no more memory than one with those.
    fileprivate func holdsNoMore(than other: StageLayers) -> Bool {
        dense <= other.dense && sparse <= other.sparse && (other.hasHead || !hasHead)
            && (other.hasEmbedding || !hasEmbedding)
    }
}

/// What the strategies with one slicing share during a search.
struct SliceState {
    let slicing: Slicing
    /// How many ranks of a stage share the fastest link, under any pipeline and placement.
    let domains: [Int]
    let overlaps: OverlapVariants
    /// The most sequences that a batch replica has.
    let shareMax: Int
    /// What a request costs, for each domain.
    var requests: [RequestPricer] = []

    init(_ slicing: Slicing, degrees: [Degrees], problem: SearchProblem) {
        self.slicing = slicing
        overlaps = OverlapVariants(slicing)
        shareMax = degrees.map { problem.space.sequences / $0.data }.max() ?? 1
        var domains: Set<Int> = []
        for degrees in degrees {
            for placement in problem.space.placements(pipeline: degrees.pipeline) {
                domains.insert(problem.domain(placement, pipeline: degrees.pipeline))
            }
        }
        self.domains = domains.sorted()
    }
}
