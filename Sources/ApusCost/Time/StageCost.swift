import ApusBase
import ApusPlan

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
        result.computation = forward.compute + backward.compute
        result.communicationExposed = forward.exposed + backward.exposed + 2 * boundaries
        result.communication =
            parts.forward.communication + parts.backward.communication
            + 2 * Double(step.plan.chunks) * boundaryMessage(stage)
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
        return exposed * Double(step.plan.chunks) * boundaryMessage(stage)
    }

    /// Messages on the way through all stages while the pipeline fills and drains.
    func fill() -> Seconds {
        guard implementation.overlapsPipeline else { return .zero }
        return 2 * Double(pipeline - 1) * boundaryMessage(0)
    }
}
