import ApusBase
import ApusCost
import ApusPlan

/// The innermost loop: the times of strategies that fit.
extension LengthSearch {
    /// Prices the stages once and puts steps together from them.
    mutating func evaluate(
        _ batch: MicroBatchPrices, _ slice: SliceState, _ live: [LivePoint], split index: Int,
        place: Int, overlap: Bool, microBatches: Int, in pipeline: inout PipelineState
    ) {
        let domain = pipeline.domains[place]
        guard let placed = batch.placed[domain] else { return }
        let chunks = pipeline.splits[index].chunks
        let variant = OverlapVariants.index(overlap: overlap, chunks: chunks)
        let (message, requestMessage) = messages(batch, place: place, pipeline)
        let firstToken = slice.requests[domain].timeToFirstToken(
            model: problem.model, messages: pipeline.degrees.pipeline * chunks - 1,
            message: requestMessage)
        let least =
            placed.whole[variant] * Double(microBatches)
            / Double(pipeline.degrees.pipeline)
        let isWorthIt =
            !isPruning
            || live.contains {
                !isHopeless(
                    time: least, memory: $0.memory, firstToken: firstToken.count, in: pipeline)
            }
        guard isWorthIt else { return }
        let pricer = slice.overlaps.pricer(variant, chunks: chunks, message: message)
        let kinds = pipeline.splits[index].kinds
        let stages = kinds.map { pricer.run(of: $0.layers, placed.loads) }
        var slowest = 0.0
        for stage in stages { slowest = max(slowest, stage.total.count) }
        var strategy = batch.strategy
        strategy.degrees = pipeline.degrees
        strategy.chunks = chunks
        strategy.placement = pipeline.placements[place]
        strategy.overlap = overlap
        let states = stateCosts(split: index, place: place, in: &pipeline)
        for point in live {
            if isPruning,
                isHopeless(
                    time: Double(microBatches) * slowest, memory: point.memory,
                    firstToken: firstToken.count, in: pipeline)
            {
                continue
            }
            strategy.schedule = point.schedule
            strategy.zeroStage = point.zeroStage
            let formula = StepFormula(
                schedule: point.schedule, chunks: chunks, zeroStage: point.zeroStage,
                microBatches: microBatches, pipeline: pipeline.degrees.pipeline, message: message,
                implementation: slice.overlaps.implementations[variant])
            let time = formula.time(kinds, stages: stages, states: states)
            record(
                Candidate(
                    strategy: strategy, stepTime: time.total, memory: Bytes(Int(point.memory)),
                    timeToFirstToken: firstToken),
                in: &pipeline)
        }
    }

    private mutating func record(_ candidate: Candidate, in pipeline: inout PipelineState) {
        counts.evaluated += 1
        counts.feasible += 1
        pipeline.near.insert(candidate)
        front.insert(
            candidate,
            in: ParetoFront.Box(
                time: candidate.stepTime.count, memory: Double(candidate.memory.count),
                firstToken: candidate.timeToFirstToken.count))
    }

    /// The message between stages of one micro-batch, and of one request.
    private func messages(
        _ batch: MicroBatchPrices, place: Int, _ pipeline: PipelineState
    ) -> (Seconds, Seconds) {
        func message(sequences: Int) -> Seconds {
            problem.costModel.boundaryMessage(
                tokens: sequences * length / pipeline.degrees.context,
                degrees: pipeline.degrees, placement: pipeline.placements[place],
                model: problem.model, precision: problem.workload.precision)
        }
        return (message(sequences: batch.strategy.microBatchSize), message(sequences: 1))
    }

    private func stateCosts(
        split: Int, place: Int, in pipeline: inout PipelineState
    ) -> [StateCost] {
        if let costs = pipeline.stateCosts[place][split] { return costs }
        var strategy = Strategy(degrees: pipeline.degrees)
        strategy.placement = pipeline.placements[place]
        let pricer = StatePricer(
            step: problem.step(strategy, length: length), model: problem.costModel)
        let costs = pipeline.splits[split].kinds.map { pricer.cost(of: $0.layers) }
        pipeline.stateCosts[place][split] = costs
        return costs
    }
}
