import ApusBase
import ApusCost
import ApusPlan

/// The innermost loop: the times of strategies that fit.
extension LengthSearch {
    /// Prices the stages once and puts steps together from them.
    mutating func evaluate(
        _ batch: MicroBatchPrices, _ live: [LivePoint], split index: Int, place: Int,
        overlap: Bool, microBatches: Int, in pipeline: inout PipelineState
    ) {
        let split = pipeline.splits[index]
        let domain = pipeline.domains[place]
        let variant = MicroBatchPrices.variant(overlap: overlap, chunks: split.chunks)
        let (message, requestMessage) = messages(batch, place: place, pipeline)
        let firstToken = batch.request(domain: domain).timeToFirstToken(
            model: problem.model, messages: pipeline.degrees.pipeline * split.chunks - 1,
            message: requestMessage)
        let mean =
            batch.whole(domain: domain, variant: variant).count
            / Double(pipeline.degrees.pipeline)
        let least = Double(microBatches) * mean
        let isWorthIt =
            !isPruning
            || live.contains {
                !isHopeless(
                    time: least, memory: $0.memory, firstToken: firstToken.count, in: pipeline)
            }
        guard isWorthIt else { return }
        let pricer = batch.stagePricer(
            domain: domain, variant: variant, chunks: split.chunks, message: message)
        let stages = split.kinds.map { pricer.cost(of: $0.layers) }
        let slowest = stages.map(\.total).max() ?? .zero
        var strategy = batch.strategy
        strategy.degrees = pipeline.degrees
        strategy.chunks = split.chunks
        strategy.placement = pipeline.placements[place]
        strategy.overlap = overlap
        let states = stateCosts(split: index, place: place, in: &pipeline)
        for point in live {
            if isPruning,
                isHopeless(
                    time: Double(microBatches) * slowest.count, memory: point.memory,
                    firstToken: firstToken.count, in: pipeline)
            {
                continue
            }
            strategy.schedule = point.schedule
            strategy.zeroStage = point.zeroStage
            let formula = StepFormula(
                schedule: point.schedule, chunks: split.chunks, zeroStage: point.zeroStage,
                microBatches: microBatches, pipeline: pipeline.degrees.pipeline, message: message,
                implementation: batch.implementations[variant])
            let time = formula.time(split.kinds, stages: stages, states: states)
            record(
                Candidate(
                    strategy: strategy, stepTime: time.total, memory: Bytes(point.memory),
                    timeToFirstToken: firstToken),
                in: &pipeline)
        }
    }

    private mutating func record(_ candidate: Candidate, in pipeline: inout PipelineState) {
        counts.evaluated += 1
        counts.feasible += 1
        pipeline.group.near.insert(candidate)
        front.insert(
            candidate,
            in: ParetoFront.Box(
                time: candidate.stepTime.count, memory: candidate.memory.count,
                firstToken: candidate.timeToFirstToken.count))
    }

    /// The message between stages of one micro-batch, and of one request.
    private func messages(
        _ batch: MicroBatchPrices, place: Int, _ pipeline: PipelineState
    ) -> (Seconds, Seconds) {
        func message(sequences: Int) -> Seconds {
            problem.costModel.boundaryMessage(
                tokens: sequences * step.sequenceLength / pipeline.degrees.context,
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
            step: problem.step(strategy, length: step.sequenceLength), model: problem.costModel)
        let costs = pipeline.splits[split].kinds.map { pricer.cost(of: $0.layers) }
        pipeline.stateCosts[place][split] = costs
        return costs
    }
}
