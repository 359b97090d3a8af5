package import ApusBase
package import ApusPlan

/// What one micro-batch costs on one stage, with what computation does not hide.
package struct StageCost: Hashable, Sendable {
    package var forward = Seconds.zero
    package var backwardInput = Seconds.zero
    package var backwardWeight = Seconds.zero
    package var time = StageTime()
    package var computation = Seconds.zero
    package var communication = Seconds.zero
    package var communicationExposed = Seconds.zero
    package var measured = Seconds.zero

    package init() {}

    package var total: Seconds { forward + backwardInput + backwardWeight }
    var measuredShare: Double { computation.count > 0 ? measured / computation : 0 }
}

/// Prices the stages of a pipeline for one micro-batch, from the parts of their layers.
package struct StagePricer: Sendable {
    package var costs: LayerCosts
    /// The message between two stages, of one chunk and one direction.
    package var message: Seconds
    package var chunks: Int
    package var overlapsTensor: Bool
    package var overlapsExperts: Bool
    package var overlapsPipeline: Bool
    /// What the host takes to launch one kernel; zero where launches are replayed.
    package var launch: Seconds

    package init(
        costs: LayerCosts, message: Seconds, chunks: Int, implementation: Implementation,
        model: CostModel
    ) {
        self.costs = costs
        self.message = message
        self.chunks = chunks
        overlapsTensor = implementation.overlapsTensor
        overlapsExperts = implementation.overlapsExperts
        overlapsPipeline = implementation.overlapsPipeline
        launch = implementation.replaysLaunches ? .zero : model.kernels.launch
    }

    /// The parts of a stage, added up for one micro-batch.
    package func partCost(of layers: StageLayers) -> PartCost {
        var cost = layers.dense * costs.dense + layers.sparse * costs.expert
        if layers.hasEmbedding { cost += costs.embedding }
        if layers.hasHead { cost += costs.head }
        return cost
    }

    package func cost(of layers: StageLayers) -> StageCost {
        let parts = partCost(of: layers)
        var result = StageCost()
        let forward = exposed(parts.forward)
        let backward = exposed(parts.backward)
        let weight = parts.backwardWeight.work
        result.forward = forward.time + boundary
        result.backwardWeight = max(weight.time, host(weight))
        result.backwardInput = backward.time + boundary - result.backwardWeight
        result.computation = forward.compute + backward.compute
        result.communicationExposed = forward.exposed + backward.exposed + 2 * boundary
        result.communication =
            parts.forward.communication + parts.backward.communication
            + 2 * Double(chunks) * message
        result.measured =
            parts.forward.work.timeFromMeasurements + parts.backward.work.timeFromMeasurements
        result.time.forward = forward.compute
        result.time.backward = backward.compute
        result.time.recomputation = parts.recomputation.work.time
        result.time.forwardCommunication = forward.exposed + boundary
        result.time.backwardCommunication = backward.exposed + boundary
        return result
    }

    private func host(_ work: Work) -> Seconds { Double(work.launches) * launch }

    /// A pass with what its own computation does not hide.
    private func exposed(
        _ pass: PassCost
    ) -> (time: Seconds, compute: Seconds, exposed: Seconds) {
        var compute = max(pass.work.time, host(pass.work))
        var communication =
            (overlapsTensor ? pass.tensorOverlapped : pass.tensorExposed) + pass.contextExposed
        if overlapsExperts {
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

    /// What a stage waits for at its boundaries in each direction, of one micro-batch.
    private var boundary: Seconds {
        let exposed = overlapsPipeline ? CostConstants.pipelineOverlapExposed : 1
        return exposed * Double(chunks) * message
    }
}

extension CostModel {
    /// The message between two stages, of one chunk and one direction.
    package func boundaryMessage(of step: Step) -> Seconds {
        boundaryMessage(
            tokens: step.tokensPerMicroBatch, degrees: step.degrees,
            placement: step.plan.pipelinePlacement, model: step.model,
            precision: step.workload.precision)
    }

    /// The message of a micro-batch of which a context rank holds `tokens`.
    package func boundaryMessage(
        tokens: Int, degrees: Degrees, placement: Plan.Placement, model: Model,
        precision: Precision
    ) -> Seconds {
        guard degrees.pipeline > 1 else { return .zero }
        let element = precision == .fp32 ? 4 : 2
        // Tensor ranks send a share each, with or without sequence parallelism.
        let payload = Double(tokens / degrees.tensor * model.hiddenSize * element)
        let layout = GroupLayout(degrees: degrees, placement: placement, domain: domain)
        return network.time(.pointToPoint, payload: payload, span: layout.pipeline)
    }
}
