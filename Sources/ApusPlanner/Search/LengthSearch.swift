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
    let splits: [Int: [Split]]
    var step: Step
    var prices: PartPrices
    var ranking: Ranking
    var front = ParetoFront()
    var counts = SearchCounts()
    /// The strategy that needs least memory of all that were looked at.
    var leanest: Leanest?
    /// Whether bounds end loops; without them every strategy is evaluated.
    let isPruning: Bool
    /// How much slower than its bound a strategy is at least: the last digits of sums differ.
    static let rounding = 1 - 1e-9

    struct Leanest {
        var memory: Bytes
        var strategy: Strategy
    }

    init(_ problem: SearchProblem, length: Int, countMax: Int, isPruning: Bool) {
        self.problem = problem
        self.isPruning = isPruning
        step = problem.step(Strategy(degrees: Degrees()), length: length)
        prices = PartPrices(step: step, model: problem.costModel)
        ranking = Ranking(countMax: countMax)
        splits = problem.splits
    }

    mutating func run() {
        let slicings = problem.space.slicings
        counts.searched = problem.space.count(slicings) { splits[$0] ?? [] }
        for slicing in slicings { search(slicing) }
        counts.pruned = counts.searched - counts.evaluated
    }

    private mutating func search(_ slicing: Slicing) {
        var pipelines = problem.space.pipelines(slicing).map {
            state(slicing.degrees(pipeline: $0.pipeline, data: $0.data))
        }
        guard !pipelines.isEmpty else { return }
        let domains = Set(pipelines.flatMap(\.domains)).sorted()
        let shareMax = pipelines.map(\.share).max() ?? 1
        for isSequenceParallel in problem.space.sequenceParallel(slicing) {
            for size in divisors(of: shareMax) {
                search(
                    slicing, size: size, isSequenceParallel: isSequenceParallel,
                    domains: domains, in: &pipelines)
            }
        }
        for pipeline in pipelines { ranking.insert(pipeline.group) }
    }

    private mutating func search(
        _ slicing: Slicing, size: Int, isSequenceParallel: Bool, domains: [Int],
        in pipelines: inout [PipelineState]
    ) {
        let placed = domains.map { domain in
            PlacedPrices(
                layers: prices.layers(
                    slicing, sequences: size, isSequenceParallel: isSequenceParallel,
                    domain: domain),
                request: prices.request(
                    slicing, isSequenceParallel: isSequenceParallel, domain: domain))
        }
        for recompute in Plan.Recompute.allCases {
            var strategy = Strategy(degrees: slicing.degrees(pipeline: 1, data: 1))
            strategy.microBatchSize = size
            strategy.sequenceParallel = isSequenceParallel
            strategy.recompute = recompute
            let batch = MicroBatchPrices(
                strategy, placed: placed, domains: domains, problem: problem, step: step)
            for index in pipelines.indices where pipelines[index].share.isMultiple(of: size) {
                search(batch, in: &pipelines[index])
            }
        }
    }

    private func state(_ degrees: Degrees) -> PipelineState {
        let space = problem.space
        let splits = splits[degrees.pipeline] ?? []
        let zeroStages = space.zeroStages(degrees)
        let placements = space.placements(pipeline: degrees.pipeline)
        let domain = problem.costModel.domain
        let terms = MemoryTerms(
            problem.step(Strategy(degrees: degrees), length: step.sequenceLength))
        func states(_ layers: StageLayers) -> [Int] {
            zeroStages.map { zeroStage in
                let load = problem.load(
                    layers, degrees: degrees, inFlight: 0, zeroStage: zeroStage)
                let memory = terms.memory(of: load)
                return (memory.weights + memory.gradients + memory.optimizer).count
            }
        }
        return PipelineState(
            degrees: degrees, share: space.sequences / degrees.data, splits: splits,
            zeroStages: zeroStages, placements: placements,
            domains: placements.map { $0 == .outermost ? domain : domain / degrees.pipeline },
            wholeStates: states(problem.wholeModel),
            stateCosts: placements.map { _ in splits.map { _ in nil } })
    }
}
