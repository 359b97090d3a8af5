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
    private let template: Step
    /// How much slower than its bound a strategy is at least: the last digits of sums differ.
    static let rounding = 1 - 1e-9

    struct Leanest {
        var memory: Int
        var strategy: Strategy
    }

    init(_ problem: SearchProblem, length: Int, countMax: Int, isPruning: Bool) {
        self.problem = problem
        self.length = length
        self.isPruning = isPruning
        template = problem.step(Strategy(degrees: Degrees()), length: length)
        prices = PartPrices(step: template, model: problem.costModel)
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
        var layers: [LayerPrices] = []
        for (index, recompute) in Plan.Recompute.allCases.enumerated() {
            var strategy = Strategy(degrees: shared.slicing.degrees(pipeline: 1, data: 1))
            strategy.microBatchSize = size
            strategy.sequenceParallel = isSequenceParallel
            strategy.recompute = recompute
            var batch = MicroBatchPrices(strategy, terms: terms(strategy))
            for place in pipelines.indices
            where pipelines[place].share.isMultiple(of: size) && pipelines[place].isOpen[index] {
                let memory = memoryFloor(batch, pipelines[place])
                guard canFit(memory) else {
                    // A larger micro-batch holds no less.
                    pipelines[place].isOpen[index] = false
                    continue
                }
                if layers.isEmpty {
                    layers = shared.domains.map {
                        prices.layers(
                            shared.slicing, sequences: size,
                            isSequenceParallel: isSequenceParallel, domain: $0)
                    }
                }
                if batch.costs.isEmpty {
                    batch.price(layers, shared.overlaps, model: problem.wholeModel)
                }
                search(batch, shared, memory: memory, in: &pipelines[place])
            }
        }
    }

    private func terms(_ strategy: Strategy) -> MemoryTerms {
        var step = template
        step.plan.degrees = strategy.degrees
        step.plan.sequenceParallel = strategy.sequenceParallel
        step.bucket = Plan.Bucket(
            lengthMax: nil, microBatches: 1, sequencesPerDataRank: strategy.microBatchSize,
            tensorParallel: strategy.degrees.tensor, recompute: strategy.recompute)
        return MemoryTerms(step)
    }

    private func state(_ degrees: Degrees, domains: [Int]) -> PipelineState {
        let space = problem.space
        let splits = problem.splits[degrees.pipeline] ?? []
        let placements = space.placements(pipeline: degrees.pipeline)
        var firstStages: [StageLayers] = []
        for split in splits where !firstStages.contains(split.kinds[0].layers) {
            firstStages.append(split.kinds[0].layers)
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
