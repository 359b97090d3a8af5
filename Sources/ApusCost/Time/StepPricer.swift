import ApusBase
import ApusPlan

/// Adds up what a step's micro-batches cost on each stage, in closed form.
struct StepPricer {
    let step: Step
    let costs: LayerCosts
    let layers: StageLayers
    let layout: GroupLayout
    let kernels: Kernels
    let network: Network
    let dense: LayerParameters
    let expert: LayerParameters

    init(step: Step, costs: LayerCosts, layers: StageLayers, model: CostModel) {
        self.step = step
        self.costs = costs
        self.layers = layers
        layout = GroupLayout(
            degrees: step.degrees, placement: step.plan.pipelinePlacement, domain: model.domain)
        kernels = model.kernels
        network = model.network
        dense = step.model.layerParameters(step.model.denseLayers.first ?? 0)
        expert = step.model.layerParameters(
            (0..<step.model.layerCount).first { !step.model.isDense($0) } ?? 0)
    }

    private var implementation: Implementation { step.implementation }
    private var pipeline: Int { step.plan.degrees.pipeline }
    private var lastStage: Int { step.plan.schedule.isFolded ? 0 : pipeline - 1 }

    func prediction() -> StepPrediction {
        let stages = layers.stages.indices.map(stageCost)
        let microBatches = Double(step.microBatches)
        let slowest = stages.indices.max { stages[$0].total < stages[$1].total } ?? 0
        let sum = stages.reduce(StageCost()) { $0 + $1 }
        let others = sum - stages[slowest]
        let idle = BubbleFormula(
            forward: others.forward, backwardInput: others.backwardInput,
            backwardWeight: others.backwardWeight
        ).idle(step.plan.schedule, chunks: step.plan.chunksOnRank)
        let flush = microBatches * stages[slowest].total + idle + fill()
        let data = dataCosts(stages)
        let optimizer = layers.stages.indices.map(optimizerTime).max() ?? .zero
        let stepTime =
            flush + data.exposed + optimizer + CostConstants.stepOverhead(step.implementation)
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

// MARK: - One micro-batch on one stage

/// What one micro-batch costs on one stage, with what computation does not hide.
struct StageCost {
    var forward = Seconds.zero
    var backwardInput = Seconds.zero
    var backwardWeight = Seconds.zero
    var time = StageTime()
    var computation = Seconds.zero
    var communication = Seconds.zero
    var communicationExposed = Seconds.zero
    var measured = Seconds.zero

    var total: Seconds { forward + backwardInput + backwardWeight }
    var measuredShare: Double { computation.count > 0 ? measured / computation : 0 }

    static func + (left: StageCost, right: StageCost) -> StageCost {
        var sum = left
        sum.forward += right.forward
        sum.backwardInput += right.backwardInput
        sum.backwardWeight += right.backwardWeight
        return sum
    }

    static func - (left: StageCost, right: StageCost) -> StageCost {
        var difference = left
        difference.forward = left.forward - right.forward
        difference.backwardInput = left.backwardInput - right.backwardInput
        difference.backwardWeight = left.backwardWeight - right.backwardWeight
        return difference
    }
}

extension StepPricer {
    /// The parts of a stage, added up for one micro-batch.
    private func partCost(_ stage: Int) -> PartCost {
        let counts = layers.stages[stage]
        var cost = counts.dense * costs.dense + counts.expert * costs.expert
        if stage == 0 { cost += costs.embedding }
        if stage == lastStage { cost += costs.head }
        return cost
    }

    private func stageCost(_ stage: Int) -> StageCost {
        let parts = partCost(stage)
        var result = StageCost()
        let boundaries = boundaryTime(stage)
        let forward = exposed(parts.forward)
        let backward = exposed(parts.backward)
        let weight = parts.backwardWeight.work
        result.forward = forward.time + boundaries
        result.backwardWeight = max(weight.time, host(weight))
        result.backwardInput = backward.time + boundaries - result.backwardWeight
        result.computation = forward.compute + backward.compute
        result.communicationExposed = forward.exposed + backward.exposed + 2 * boundaries
        result.communication =
            parts.forward.communication + parts.backward.communication
            + 2 * Double(step.plan.chunksOnRank) * boundaryMessage(stage)
        result.measured =
            parts.forward.work.timeFromMeasurements + parts.backward.work.timeFromMeasurements
        result.time.forward = forward.compute
        result.time.backward = backward.compute
        result.time.recomputation = parts.recomputation.work.time
        result.time.forwardCommunication = forward.exposed + boundaries
        result.time.backwardCommunication = backward.exposed + boundaries
        return result
    }

    private func host(_ work: Work) -> Seconds {
        implementation.replaysLaunches
            ? .zero : Double(work.launches) * kernels.launch
    }

    /// A pass with what its own computation does not hide.
    private func exposed(
        _ pass: PassCost
    ) -> (time: Seconds, compute: Seconds, exposed: Seconds) {
        var compute = max(pass.work.time, host(pass.work))
        var communication = pass.tensorExposed + pass.contextExposed
        if implementation.overlapsExperts {
            // Another micro-batch computes meanwhile, on the processors that the transfer leaves.
            compute = CostConstants.expertOverlapSlowdown * compute
            communication += max(
                CostConstants.expertOverlapExposed * pass.expert,
                pass.expert - CostConstants.expertOverlapShare * compute)
        } else {
            communication += pass.expert
        }
        return (compute + communication, compute, communication)
    }

    /// The message between two stages, of one chunk and one direction.
    private func boundaryMessage(_ stage: Int) -> Seconds {
        guard pipeline > 1 else { return .zero }
        let element = step.workload.precision == .fp32 ? 4 : 2
        // Tensor ranks send a share each, with or without sequence parallelism.
        let tokens = step.tokensPerMicroBatch / step.degrees.tensor
        let payload = Double(tokens * step.model.hiddenSize * element)
        return network.time(.pointToPoint, payload: payload, span: layout.pipeline)
    }

    /// What a stage waits for at its boundaries in each direction, of one micro-batch.
    private func boundaryTime(_ stage: Int) -> Seconds {
        let exposed = implementation.overlapsPipeline ? CostConstants.pipelineOverlapExposed : 1
        return exposed * Double(step.plan.chunksOnRank) * boundaryMessage(stage)
    }

    /// Messages on the way through all stages while the pipeline fills and drains.
    private func fill() -> Seconds {
        guard implementation.overlapsPipeline else { return .zero }
        return 2 * Double(pipeline - 1) * boundaryMessage(0)
    }
}

extension PartCost {
    static func * (count: Int, cost: PartCost) -> PartCost {
        let factor = Double(count)
        var result = PartCost()
        result.forward = factor * cost.forward
        result.backwardInput = factor * cost.backwardInput
        result.backwardWeight = factor * cost.backwardWeight
        result.recomputation = factor * cost.recomputation
        return result
    }
}

extension PassCost {
    static func * (factor: Double, pass: PassCost) -> PassCost {
        var result = PassCost()
        result.work.time = factor * pass.work.time
        result.work.timeFromMeasurements = factor * pass.work.timeFromMeasurements
        result.work.launches = Int(factor) * pass.work.launches
        result.tensor = factor * pass.tensor
        result.tensorExposed = factor * pass.tensorExposed
        result.context = factor * pass.context
        result.contextExposed = factor * pass.contextExposed
        result.expert = factor * pass.expert
        return result
    }
}
