import ApusBase
import ApusPlan

/// Adds up what a step's micro-batches cost on each stage, in closed form.
struct StepPricer {
    let step: Step
    let costs: LayerCosts
    let layers: [StageLayers]
    let layout: GroupLayout
    let kernels: Kernels
    let network: Network
    let dense: LayerParameters
    let expert: LayerParameters

    init(step: Step, costs: LayerCosts, layers: [StageLayers], model: CostModel) {
        self.step = step
        self.costs = costs
        self.layers = layers
        layout = GroupLayout(
            degrees: step.degrees, placement: step.plan.pipelinePlacement, domain: model.domain)
        kernels = model.kernels
        network = model.network
        dense = step.model.layerParameters(isDense: true)
        expert = step.model.layerParameters(isDense: false)
    }

    var implementation: Implementation { step.implementation }
    var pipeline: Int { step.plan.degrees.pipeline }

    func prediction() -> StepPrediction {
        let stages = layers.indices.map(stageCost)
        let microBatches = Double(step.microBatches)
        let slowest = stages.indices.max { stages[$0].total < stages[$1].total } ?? 0
        let sum = stages.reduce(StageCost()) { $0 + $1 }
        let others = sum - stages[slowest]
        let idle = BubbleFormula(
            forward: others.forward, backwardInput: others.backwardInput,
            backwardWeight: others.backwardWeight
        ).idle(step.plan.schedule, chunks: step.plan.chunks)
        let flush = microBatches * stages[slowest].total + idle + fill()
        let data = dataCosts(stages)
        let optimizer = layers.indices.map(optimizerTime).max() ?? .zero
        let stepTime =
            flush + data.exposed + optimizer + step.implementation.stepOverhead
        return summary(
            stages, slowest: slowest, stepTime: stepTime, flush: flush, data: data,
            optimizer: optimizer)
    }

    private func summary(
        _ stages: [StageCost], slowest: Int, stepTime: Seconds, flush: Seconds, data: DataCosts,
        optimizer: Seconds
    ) -> StepPrediction {
        let microBatches = Double(step.microBatches)
        let mean = (1 / Double(stages.count)) * stages.reduce(StageCost()) { $0 + $1 }.total
        let worst = stages[slowest]
        let computation = microBatches * worst.computation + optimizer
        let exposed = microBatches * worst.communicationExposed + data.exposed
        let flops = step.model.forwardFLOPsPerToken(length: step.sequenceLength).total * 3
        let peak = (step.cluster.gpu.peakTeraFLOPs[step.workload.precision] ?? 0) * 1e12
        let perGPU = flops * Double(step.tokens) / Double(step.degrees.worldSize)
        let spread = CostConstants.spread(measured: worst.measuredShare)
        return StepPrediction(
            stepTime: stepTime, stages: stages.map(\.time), memory: [],
            bubble: max(0, 1 - microBatches * mean / flush) * (flush / stepTime),
            communicationExposed: exposed,
            communication: microBatches * worst.communication + data.total,
            computation: computation, optimizer: optimizer, tokens: step.tokens,
            worldSize: step.degrees.worldSize,
            modelFLOPsUtilization: peak > 0 ? perGPU / (stepTime.count * peak) : 0,
            low: (1 / spread) * stepTime, high: spread * stepTime)
    }
}
