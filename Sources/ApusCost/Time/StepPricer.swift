import ApusBase
import ApusPlan

/// Prices one step in closed form, stage by stage.
struct StepPricer {
    let step: Step
    let kinds: [StageKind]
    let stages: [StageCost]
    let time: StepTime

    init(step: Step, costs: LayerCosts, model: CostModel) {
        self.step = step
        kinds = step.plan.stageKinds(of: step.model)
        let message = model.boundaryMessage(of: step)
        let stagePricer = StagePricer(
            message: message, chunks: step.plan.chunks, implementation: step.implementation)
        let statePricer = StatePricer(step: step, model: model)
        stages = kinds.map { stagePricer.cost(of: $0.layers, costs) }
        let formula = StepFormula(
            schedule: step.plan.schedule, chunks: step.plan.chunks,
            zeroStage: step.plan.zeroStage, microBatches: step.microBatches,
            pipeline: step.plan.degrees.pipeline, message: message,
            implementation: step.implementation)
        time = formula.time(
            kinds, stages: stages.map(\.run), states: kinds.map { statePricer.cost(of: $0.layers) })
    }

    func prediction() -> StepPrediction {
        let microBatches = Double(step.microBatches)
        let mean = (1 / Double(step.plan.degrees.pipeline)) * time.work
        let worst = stages[time.slowest]
        let computation = microBatches * worst.pass.compute + time.optimizer
        let exposed = microBatches * worst.communicationExposed + time.data.exposed
        let flops = step.model.trainingFLOPsPerToken(length: step.sequenceLength)
        let peak = (step.cluster.gpu.peakTeraFLOPs[step.workload.precision] ?? 0) * 1e12
        let perGPU = flops * Double(step.tokens) / Double(step.degrees.worldSize)
        let spread = CostConstants.spread(measured: worst.measuredShare)
        let total = time.total
        return StepPrediction(
            stepTime: total, stages: stageTimes, memory: [],
            bubble: max(0, 1 - microBatches * mean / time.flush) * (time.flush / total),
            communicationExposed: exposed,
            communication: microBatches * worst.communication + time.data.total,
            computation: computation, optimizer: time.optimizer, tokens: step.tokens,
            worldSize: step.degrees.worldSize,
            modelFLOPsUtilization: peak > 0 ? perGPU / (total.count * peak) : 0,
            low: (1 / spread) * total, high: spread * total, measuredShare: worst.measuredShare,
            breakdown: breakdown(worst))
    }

    private var stageTimes: [StageTime] {
        (0..<step.plan.degrees.pipeline).map { stage in
            let layers = StageLayers(stage: stage, plan: step.plan, model: step.model)
            let kind = kinds.firstIndex { $0.layers == layers } ?? 0
            return stages[kind].time
        }
    }

    private func breakdown(_ worst: StageCost) -> StepBreakdown {
        let microBatches = Double(step.microBatches)
        let work = microBatches * worst.pass.work
        var result = StepBreakdown()
        result.products = work[.product]
        result.expertProducts = work[.expertProduct]
        result.attention = work[.attention]
        result.elementwise = work[.elementwise]
        result.host = microBatches * worst.pass.host
        result.tensor = microBatches * worst.pass.tensor
        result.context = microBatches * worst.pass.context
        result.expert = microBatches * worst.pass.expert
        result.pipeline = microBatches * worst.boundaries
        result.data = time.data.exposed
        result.bubble = time.flush - microBatches * worst.run.total
        result.optimizer = time.optimizer
        result.overhead = step.implementation.stepOverhead
        return result
    }
}
