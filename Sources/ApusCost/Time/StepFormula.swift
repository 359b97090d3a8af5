package import ApusBase
package import ApusPlan

/// Puts a step together from its priced stages: what schedule, micro-batches and ZeRO make of them.
///
/// It is the innermost part of a search, so for generated schedules it allocates nothing.
package struct StepFormula: Hashable, Sendable {
    package var schedule: Plan.Schedule
    package var chunks: Int
    package var zeroStage: Int
    /// Micro-batches of a whole step on one pipeline.
    package var microBatches: Double
    /// Messages on the way through all stages while the pipeline fills and drains.
    package var fill: Seconds
    /// What a step costs besides its instructions.
    package var overhead: Seconds
    package var overlapsGradients: Bool
    package var overlapsParameters: Bool

    package init(
        schedule: Plan.Schedule, chunks: Int, zeroStage: Int, microBatches: Int, pipeline: Int,
        message: Seconds, implementation: Implementation
    ) {
        self.schedule = schedule
        self.chunks = chunks
        self.zeroStage = zeroStage
        self.microBatches = Double(microBatches)
        fill = implementation.overlapsPipeline ? 2 * Double(pipeline - 1) * message : .zero
        overhead = implementation.stepOverhead
        overlapsGradients = implementation.overlapsGradients
        overlapsParameters = implementation.overlapsParameters
    }

    /// The time of a step whose stages are of `kinds`, with the costs of each kind.
    package func time(
        _ kinds: [StageKind], stages: [StageRun], states: [StateCost]
    ) -> StepTime {
        var slowest = 0
        var sum = StageRun()
        for (index, kind) in kinds.enumerated() {
            let cost = stages[index]
            sum.forward += Double(kind.count) * cost.forward
            sum.backwardInput += Double(kind.count) * cost.backwardInput
            sum.backwardWeight += Double(kind.count) * cost.backwardWeight
            if cost.total > stages[slowest].total { slowest = index }
        }
        let worst = stages[slowest]
        let idle = BubbleFormula(
            forward: sum.forward - worst.forward,
            backwardInput: sum.backwardInput - worst.backwardInput,
            backwardWeight: sum.backwardWeight - worst.backwardWeight
        ).idle(schedule, chunks: chunks)
        var result = StepTime()
        result.slowest = slowest
        result.work = sum.total
        result.flush = microBatches * worst.total + idle + fill
        for index in kinds.indices {
            let data = dataCost(states[index], beside: stages[index])
            if data.exposed >= result.data.exposed { result.data = data }
            let update = zeroStage >= 1 ? states[index].updateShare : states[index].update
            result.optimizer = max(result.optimizer, update)
        }
        result.total = result.flush + result.data.exposed + result.optimizer + overhead
        return result
    }

    /// What the replicas of a stage exchange in a step.
    private func dataCost(_ states: StateCost, beside run: StageRun) -> DataCost {
        let reduce = zeroStage >= 1 ? states.reduceScatter : states.allReduce
        let (gathers, reductions) = rounds
        var cost = DataCost()
        let inLayers = zeroStage >= 3
        cost.total =
            reductions * (inLayers ? states.reduceLayers : reduce)
            + gathers * (inLayers ? states.gatherLayers : states.gather)
        if zeroStage >= 3 {
            // Each layer's weights are gathered while the layer before computes, where the
            // framework fetches ahead.
            let perPass = 1 / Double(states.layerCount)
            let gather = microBatches * states.gatherLayers
            let reduced = reductions * states.reduceLayers
            cost.exposed =
                overlapsParameters
                ? hidden(gather, under: microBatches * run.forwardCompute, share: perPass)
                : gather
            let backward =
                (overlapsParameters ? gather : .zero) + (overlapsGradients ? reduced : .zero)
            cost.exposed += hidden(
                backward, under: microBatches * run.backwardCompute, share: perPass)
            if !overlapsParameters { cost.exposed += gather }
            if !overlapsGradients { cost.exposed += reduced }
        } else {
            // With ZeRO 2 each micro-batch's gradients are reduced beside its own backward.
            let exposed =
                overlapsGradients
                ? hidden(reduce, under: run.backwardCompute, share: CostConstants.lastBucket)
                : reduce
            cost.exposed = reductions * exposed
            let gathered = gathers * states.gather
            cost.exposed +=
                overlapsParameters
                ? hidden(gathered, under: run.forwardCompute, share: CostConstants.lastBucket)
                : gathered
        }
        cost.total += states.tied
        cost.exposed += states.tied
        return cost
    }

    /// How often weights are gathered and gradients reduced in a step.
    static func rounds(zeroStage: Int, microBatches: Int) -> (gathers: Int, reductions: Int) {
        switch zeroStage {
        case 0: (0, 1)
        case 1: (1, 1)
        case 2: (1, microBatches)
        default: (2 * microBatches, microBatches)
        }
    }

    private var rounds: (gathers: Double, reductions: Double) {
        let counts = Self.rounds(zeroStage: zeroStage, microBatches: Int(microBatches))
        return (Double(counts.gathers), Double(counts.reductions))
    }

    /// What shows of a transfer in pieces that runs beside computation: what does not fit under it,
    /// and the piece that has nothing beside it.
    private func hidden(_ time: Seconds, under compute: Seconds, share: Double) -> Seconds {
        max(share * time, time - CostConstants.dataOverlapShare * compute)
    }
}

/// What the replicas of a stage exchange in a step.
package struct DataCost: Hashable, Sendable {
    package var total = Seconds.zero
    /// What no computation hides, on the stage where that is most.
    package var exposed = Seconds.zero

    package init() {}
}

/// The time of a step, by what it is spent on.
package struct StepTime: Hashable, Sendable {
    package var total = Seconds.zero
    /// From the first forward to the last backward.
    package var flush = Seconds.zero
    package var data = DataCost()
    package var optimizer = Seconds.zero
    /// One micro-batch on all stages together.
    package var work = Seconds.zero
    /// The kind of stages that takes longest.
    package var slowest = 0

    package init() {}
}
