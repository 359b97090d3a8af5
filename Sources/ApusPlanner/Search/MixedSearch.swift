import ApusBase
import ApusCost
import ApusPlan

/// The search of strategies for sequences of several lengths.
///
/// Degrees, schedule, ZeRO stage, placement and overlap hold for all lengths; each length has its
/// own micro-batches, recomputation and tensor degree. Lengths do not touch each other otherwise, so
/// each takes what is fastest for it, and a common strategy is judged by the mean of its steps.
struct MixedSearch {
    let problem: SearchProblem
    let lengths: [LengthShare]
    let isPruning: Bool
    let memoryLimit: Double
    var tables: [LengthTables]
    var ranking: Ranking
    var front = ParetoFront()
    var counts = SearchCounts()

    init(_ problem: SearchProblem, lengths: [LengthShare], countMax: Int, isPruning: Bool) {
        self.problem = problem
        self.lengths = lengths
        self.isPruning = isPruning
        memoryLimit = Double(problem.memoryLimit.count)
        tables = lengths.map { LengthTables(problem, length: $0.length) }
        ranking = Ranking(countMax: countMax)
    }

    mutating func run() {
        for slicing in problem.space.slicings { search(slicing) }
        counts.pruned = counts.searched - counts.evaluated
    }

    private mutating func search(_ slicing: Slicing) {
        let degrees = problem.space.pipelines(slicing).map {
            slicing.degrees(pipeline: $0.pipeline, data: $0.data)
        }
        guard !degrees.isEmpty else { return }
        var near = degrees.map { _ in NearTies() }
        for isSequenceParallel in problem.space.sequenceParallel(slicing) {
            var slices = carvings(
                slicing, isSequenceParallel: isSequenceParallel, degrees: degrees)
            for (index, degrees) in degrees.enumerated() {
                search(
                    degrees, isSequenceParallel: isSequenceParallel, &slices, near: &near[index])
            }
        }
        for ties in near { ranking.insert(ties) }
    }

    /// For each length, the slicings that its bucket may have.
    private mutating func carvings(
        _ slicing: Slicing, isSequenceParallel: Bool, degrees: [Degrees]
    ) -> [[SliceState]] {
        let dataMax = degrees.map(\.data).max() ?? 1
        let domains = problem.domains(degrees)
        return tables.indices.map { length in
            problem.space.carvings(slicing, dataMax: dataMax).map { tensor in
                let part = tensor / slicing.tensor
                let dataMin = degrees.map(\.data).filter { $0.isMultiple(of: part) }.min()
                var carved = slicing
                carved.tensor = tensor
                // Ranks that compute with slices of whole weights share out the tokens too.
                var slice = SliceState(
                    carved, isSequenceParallel: isSequenceParallel || part > 1,
                    shareMax: dataMin.map { problem.space.sequences / ($0 / part) } ?? 1,
                    domains: domains)
                slice.price(&tables[length].prices, model: problem.wholeModel)
                return slice
            }
        }
    }

    /// All strategies with these degrees.
    private mutating func search(
        _ degrees: Degrees, isSequenceParallel: Bool, _ slices: inout [[SliceState]],
        near: inout NearTies
    ) {
        var base = Strategy(degrees: degrees)
        base.sequenceParallel = isSequenceParallel
        var pipeline = MixedPipeline(
            base, domains: slices[0][0].domains, lengthCount: lengths.count, problem: problem)
        var floor = Floor(time: 0, memory: .zero, firstToken: .infinity)
        for length in lengths.indices {
            let options = options(base, length: length, &slices, pipeline.state)
            counts.searched += options.reduce(0) { $0 + $1.strategyCount }
            pipeline.options[length] = options.filter { $0.canFit }
            guard let fastest = pipeline.options[length].first else {
                floor.time = .infinity
                continue
            }
            floor.time += lengths[length].weight * fastest.least
            var least = SIMD4<Double>(repeating: .infinity)
            for option in pipeline.options[length] {
                least = pointwiseMin(least, option.memory)
                guard length == lengths.count - 1 else { continue }
                floor.firstToken = min(floor.firstToken, option.leastFirstToken)
            }
            floor.memory = pointwiseMax(floor.memory, least)
        }
        guard floor.time < .infinity else { return }
        if isPruning, isHopeless(floor, near: near, zeroStages: pipeline.state.zeroStages) {
            return
        }
        for length in lengths.indices {
            price(&pipeline.options[length], length: length, pipeline.state)
        }
        search(&pipeline, floor: floor, near: &near)
    }

    /// The ways to run one length, those first that may be fastest.
    private mutating func options(
        _ base: Strategy, length: Int, _ slices: inout [[SliceState]], _ pipeline: PipelineState
    ) -> [LengthOption] {
        var result: [LengthOption] = []
        for (place, slice) in slices[length].enumerated() {
            let degrees = base.degrees.carving(tensor: slice.slicing.tensor)
            guard degrees.tensor * degrees.data == base.degrees.tensor * base.degrees.data else {
                continue
            }
            let share = problem.space.sequences / degrees.data
            for (index, size) in slice.sizes.enumerated() where share.isMultiple(of: size) {
                for (row, recompute) in Plan.Recompute.allCases.enumerated() {
                    var strategy = base
                    strategy.degrees = degrees
                    strategy.microBatchSize = size
                    strategy.recompute = recompute
                    strategy.sequenceParallel = slice.isSequenceParallel
                    let terms = tables[length].terms(strategy, stored: base.degrees)
                    let memory = pipeline.memoryFloor(
                        terms, microBatches: share / size,
                        tiesEmbeddings: problem.model.tiesEmbeddings)
                    var option = LengthOption(
                        slice: place, microBatches: share / size, memory: memory,
                        batch: MicroBatchPrices(
                            strategy, terms: terms, domainCount: slice.domains.count),
                        overlaps: slice.overlaps, requests: slice.requests)
                    option.least =
                        Double(share) / Double(degrees.pipeline)
                        * slice.least(recompute: row, size: index, orLarger: false)
                    option.leastFirstToken =
                        pipeline.domains.map {
                            slice.requests[$0].timeToFirstToken(
                                model: problem.model, messages: 0, message: .zero
                            ).count
                        }.min() ?? 0
                    option.canFit = !isPruning || memory.min() <= memoryLimit
                    option.strategyCount = pipeline.count(
                        microBatches: share / size, overlaps: problem.space.overlaps.count)
                    result.append(option)
                }
            }
        }
        let order = result.indices.sorted { result[$0].least < result[$1].least }
        return order.map { result[$0] }
    }

    private mutating func price(
        _ options: inout [LengthOption], length: Int, _ pipeline: PipelineState
    ) {
        for index in options.indices {
            for (place, placement) in pipeline.placements.enumerated() {
                let domain = pipeline.domains[place]
                guard options[index].batch.placed[domain] == nil else { continue }
                let strategy = options[index].batch.strategy
                let layers = tables[length].prices.layers(
                    Slicing(strategy.degrees), sequences: strategy.microBatchSize,
                    isSequenceParallel: strategy.sequenceParallel,
                    domain: problem.domain(placement, pipeline: strategy.degrees.pipeline))
                options[index].batch.price(
                    domain, layers, options[index].overlaps, model: problem.wholeModel)
            }
        }
    }

    /// Whether no strategy within a floor matters, whatever its ZeRO stage.
    func isHopeless(_ floor: Floor, near: NearTies, zeroStages: ClosedRange<Int>) -> Bool {
        let time = LengthSearch.rounding * floor.time
        guard time > min(ranking.threshold, near.threshold) else { return false }
        return zeroStages.allSatisfy { zeroStage in
            front.beats(
                ParetoFront.Box(
                    time: time, memory: floor.memory[zeroStage],
                    firstToken: LengthSearch.rounding * floor.firstToken))
        }
    }
}
