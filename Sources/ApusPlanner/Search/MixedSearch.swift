import ApusBase
import ApusCost
import ApusPlan

/// The search of strategies for sequences of several lengths.
///
/// Degrees, schedule, ZeRO stage, placement and overlap hold for all lengths; each length has its
/// own micro-batches, recomputation and tensor degree. Lengths do not touch each other beyond, so
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
    /// By pipeline degree and share of the batch.
    private var scheduleCounts: [[Int]: Int] = [:]

    init(_ problem: SearchProblem, lengths: [LengthShare], countMax: Int, isPruning: Bool) {
        self.problem = problem
        self.lengths = lengths
        self.isPruning = isPruning
        memoryLimit = Double(problem.memoryLimit.count)
        tables = lengths.map { LengthTables(problem, length: $0.length) }
        ranking = Ranking(countMax: countMax)
    }

    /// Searches everything.
    mutating func run() {
        let slicings = problem.space.slicings
        for slicing in slicings { search(slicing) }
    }

    private mutating func search(_ slicing: Slicing) {
        let degrees = problem.space.pipelines(slicing).map {
            slicing.degrees(pipeline: $0.pipeline, data: $0.data)
        }
        guard !degrees.isEmpty else { return }
        var near = degrees.map { _ in NearTies() }
        for isSequenceParallel in problem.space.sequenceParallel(slicing) {
            let slices = carvings(
                slicing, isSequenceParallel: isSequenceParallel, degrees: degrees)
            for (index, degrees) in degrees.enumerated() {
                search(
                    degrees, isSequenceParallel: isSequenceParallel, slices, near: &near[index])
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

    /// How many strategies these degrees have, each length's counted apart.
    private mutating func count(_ pipeline: PipelineState, _ slices: [[SliceState]]) -> Int {
        var total = 0
        for slice in slices[0] {
            let part = slice.slicing.tensor / pipeline.degrees.tensor
            guard pipeline.degrees.data.isMultiple(of: part) else { continue }
            let share = problem.space.sequences / (pipeline.degrees.data / part)
            let key = [pipeline.degrees.pipeline, share]
            let known = scheduleCounts[key]
            let count =
                known
                ?? problem.space.scheduleCount(
                    pipeline.degrees.pipeline, share: share, pipeline.splits)
            scheduleCounts[key] = count
            total += count
        }
        return total * lengths.count * Plan.Recompute.allCases.count * pipeline.zeroStages.count
            * pipeline.placements.count * problem.space.overlaps.count
    }

    /// What limits all strategies with these degrees: no way to run a length is faster than its
    /// fastest size, and none holds less than single sequences with full recomputation.
    private mutating func quickFloor(
        _ base: Strategy, _ slices: [[SliceState]], _ pipeline: PipelineState
    ) -> Floor {
        var floor = Floor(time: 0, memory: .zero, firstToken: .infinity)
        for length in lengths.indices {
            var least = SIMD4<Double>(repeating: .infinity)
            var time = Double.infinity
            for slice in slices[length] {
                let degrees = base.degrees.carving(tensor: slice.slicing.tensor)
                guard base.degrees.data.isMultiple(of: slice.slicing.tensor / base.degrees.tensor)
                else { continue }
                let share = problem.space.sequences / degrees.data
                var strategy = base
                strategy.degrees = degrees
                strategy.sequenceParallel = slice.isSequenceParallel
                strategy.recompute = .full
                let terms = tables[length].terms(strategy, stored: base.degrees)
                least = pointwiseMin(
                    least,
                    pipeline.memoryFloor(
                        terms, microBatches: share, tiesEmbeddings: problem.model.tiesEmbeddings))
                let perRank = Double(share) / Double(degrees.pipeline)
                for recompute in Plan.Recompute.allCases.indices {
                    time = min(
                        time,
                        perRank * slice.least(recompute: recompute, size: 0, orLarger: true))
                }
                guard length == lengths.count - 1 else { continue }
                floor.firstToken = min(floor.firstToken, leastFirstToken(slice, pipeline))
            }
            floor.memory = pointwiseMax(floor.memory, least)
            floor.time += lengths[length].weight * time
        }
        return floor
    }

    private func leastFirstToken(_ slice: SliceState, _ pipeline: PipelineState) -> Double {
        pipeline.domains.map {
            slice.requests[$0].timeToFirstToken(
                model: problem.model, messages: 0, message: .zero
            ).count
        }.min() ?? 0
    }

    /// All strategies with these degrees.
    private mutating func search(
        _ degrees: Degrees, isSequenceParallel: Bool, _ slices: [[SliceState]],
        near: inout NearTies
    ) {
        var base = Strategy(degrees: degrees)
        base.sequenceParallel = isSequenceParallel
        var pipeline = MixedPipeline(
            base, domains: slices[0][0].domains, lengthCount: lengths.count, problem: problem)
        counts.searched += count(pipeline.state, slices)
        var floor = quickFloor(base, slices, pipeline.state)
        let zeroStages = pipeline.state.zeroStages
        if isPruning {
            if floor.memory.min() > memoryLimit { return }
            if isHopeless(floor, near: near, zeroStages: zeroStages) { return }
        }
        floor.time = 0
        for length in lengths.indices {
            pipeline.options[length] = options(base, length: length, slices, pipeline.state)
            guard let fastest = pipeline.options[length].first else { return }
            floor.time += lengths[length].weight * fastest.least
        }
        if isPruning, isHopeless(floor, near: near, zeroStages: zeroStages) { return }
        for length in lengths.indices {
            price(&pipeline.options[length], length: length, pipeline.state)
        }
        search(&pipeline, floor: floor, near: &near)
    }

    /// The ways to run one length, those first that may be fastest.
    private mutating func options(
        _ base: Strategy, length: Int, _ slices: [[SliceState]], _ pipeline: PipelineState
    ) -> [LengthOption] {
        var result: [LengthOption] = []
        for slice in slices[length] {
            let degrees = base.degrees.carving(tensor: slice.slicing.tensor)
            guard base.degrees.data.isMultiple(of: degrees.tensor / base.degrees.tensor) else {
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
                        microBatches: share / size,
                        batch: MicroBatchPrices(
                            strategy, terms: terms, domainCount: slice.domains.count),
                        overlaps: slice.overlaps, requests: slice.requests)
                    option.least =
                        Double(share) / Double(degrees.pipeline)
                        * slice.least(recompute: row, size: index, orLarger: false)
                    if isPruning, memory.min() > memoryLimit { continue }
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
