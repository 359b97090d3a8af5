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
            costs: costs, message: message, chunks: step.plan.chunks,
            implementation: step.implementation, model: model)
        let statePricer = StatePricer(step: step, model: model)
        stages = kinds.map { stagePricer.cost(of: $0.layers) }
        let formula = StepFormula(
            schedule: step.plan.schedule, chunks: step.plan.chunks,
            zeroStage: step.plan.zeroStage, microBatches: step.microBatches,
            pipeline: step.plan.degrees.pipeline, message: message,
            implementation: step.implementation)
        time = formula.time(
            kinds, stages: stages, states: kinds.map { statePricer.cost(of: $0.layers) })
    }

    func prediction() -> StepPrediction {
        let microBatches = Double(step.microBatches)
        let mean = (1 / Double(step.plan.degrees.pipeline)) * time.work
        let worst = stages[time.slowest]
        let computation = microBatches * worst.computation + time.optimizer
        let exposed = microBatches * worst.communicationExposed + time.data.exposed
        let flops = step.model.forwardFLOPsPerToken(length: step.sequenceLength).total * 3
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
            low: (1 / spread) * total, high: spread * total)
    }

    private var stageTimes: [StageTime] {
        (0..<step.plan.degrees.pipeline).map { stage in
            let layers = StageLayers(stage: stage, plan: step.plan, model: step.model)
            let kind = kinds.firstIndex { $0.layers == layers } ?? 0
            return stages[kind].time
        }
    }
}
