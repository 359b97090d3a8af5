import ApusBase
import ApusPlan

/// A pass of one micro-batch, with what its own computation does not hide.
struct ExposedPass {
    var work = Work.zero
    var host = Seconds.zero
    var tensor = Seconds.zero
    var context = Seconds.zero
    var expert = Seconds.zero

    var compute: Seconds { work.time + host }
    var communication: Seconds { tensor + context + expert }
    var time: Seconds { compute + communication }

    static func + (left: ExposedPass, right: ExposedPass) -> ExposedPass {
        ExposedPass(
            work: left.work + right.work, host: left.host + right.host,
            tensor: left.tensor + right.tensor, context: left.context + right.context,
            expert: left.expert + right.expert)
    }
}

/// What one micro-batch costs on one stage, with what computation does not hide.
struct StageCost {
    var forward = Seconds.zero
    var backwardInput = Seconds.zero
    var backwardWeight = Seconds.zero
    var time = StageTime()
    /// Forward and backward together.
    var pass = ExposedPass()
    /// What is waited for at the stage's boundaries.
    var boundaries = Seconds.zero
    var communication = Seconds.zero

    var total: Seconds { forward + backwardInput + backwardWeight }
    var communicationExposed: Seconds { pass.communication + boundaries }
    var measuredShare: Double {
        pass.work.time > .zero ? pass.work.timeFromMeasurements / pass.work.time : 0
    }

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
        let counts = layers[stage]
        var cost = counts.dense * costs.dense + counts.sparse * costs.expert
        if counts.hasEmbedding { cost += costs.embedding }
        if counts.hasHead { cost += costs.head }
        return cost
    }

    func stageCost(_ stage: Int) -> StageCost {
        let parts = partCost(stage)
        var result = StageCost()
        let boundaries = boundaryTime(stage)
        let forward = exposed(parts.forward)
        let backward = exposed(parts.backward)
        let weight = parts.backwardWeight.work
        result.forward = forward.time + boundaries
        result.backwardWeight = max(weight.time, host(weight))
        result.backwardInput = backward.time + boundaries - result.backwardWeight
        result.pass = forward + backward
        result.boundaries = 2 * boundaries
        result.communication =
            parts.forward.communication + parts.backward.communication
            + 2 * Double(step.plan.chunks) * boundaryMessage(stage)
        result.time.forward = forward.compute
        result.time.backward = backward.compute
        result.time.recomputation = parts.recomputation.work.time
        result.time.forwardCommunication = forward.communication + boundaries
        result.time.backwardCommunication = backward.communication + boundaries
        return result
    }

    private func host(_ work: Work) -> Seconds {
        implementation.replaysLaunches
            ? .zero : Double(work.launches) * implementation.hostTimePerKernel
    }

    /// A pass with what its own computation does not hide.
    private func exposed(_ pass: PassCost) -> ExposedPass {
        var result = ExposedPass()
        result.work = pass.work
        result.host = max(.zero, host(pass.work) - pass.work.time)
        result.tensor = pass.tensorExposed
        result.context = pass.contextExposed
        result.expert = pass.expert
        if implementation.overlapsExperts {
            // Another micro-batch computes meanwhile, on the processors that the transfer leaves.
            result.work = CostConstants.expertOverlapSlowdown * pass.work
            result.expert = max(
                CostConstants.expertOverlapExposed * pass.expert,
                pass.expert - CostConstants.expertOverlapShare * pass.work.time)
        }
        return result
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
        return exposed * Double(step.plan.chunks) * boundaryMessage(stage)
    }

    /// Messages on the way through all stages while the pipeline fills and drains.
    func fill() -> Seconds {
        guard implementation.overlapsPipeline else { return .zero }
        return 2 * Double(pipeline - 1) * boundaryMessage(0)
    }
}
