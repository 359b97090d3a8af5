package import ApusBase
package import ApusPlan

/// A pass of one micro-batch, with what its own computation does not hide.
package struct ExposedPass: Hashable, Sendable {
    package var work = Work.zero
    /// What the GPU waits for the host's launches.
    package var host = Seconds.zero
    package var tensor = Seconds.zero
    package var context = Seconds.zero
    package var expert = Seconds.zero

    package init() {}

    package var compute: Seconds { work.time + host }
    package var communication: Seconds { tensor + context + expert }
    package var time: Seconds { compute + communication }

    package static func + (left: ExposedPass, right: ExposedPass) -> ExposedPass {
        var sum = left
        sum.work += right.work
        sum.host += right.host
        sum.tensor += right.tensor
        sum.context += right.context
        sum.expert += right.expert
        return sum
    }
}

/// What a pass takes, and what of its communication its computation does not hide.
private struct PassExposure {
    var work = Seconds.zero
    var host = Seconds.zero
    var tensor = Seconds.zero
    var context = Seconds.zero
    var expert = Seconds.zero

    var communication: Seconds { tensor + context + expert }
    var compute: Seconds { work + host }
    var time: Seconds { compute + communication }
}

/// How long one micro-batch runs on one stage.
package struct StageRun: Hashable, Sendable {
    package var forward = Seconds.zero
    package var backwardInput = Seconds.zero
    package var backwardWeight = Seconds.zero
    /// The computation within forward and backward, beside which collectives of weights may run.
    package var forwardCompute = Seconds.zero
    package var backwardCompute = Seconds.zero

    package init() {}

    package var total: Seconds { forward + backwardInput + backwardWeight }
}

/// What one micro-batch costs on one stage, with what computation does not hide.
package struct StageCost: Hashable, Sendable {
    package var run = StageRun()
    package var time = StageTime()
    /// Forward and backward together.
    package var pass = ExposedPass()
    /// What is waited for at the stage's boundaries.
    package var boundaries = Seconds.zero
    /// Communication in all, hidden or not.
    package var communication = Seconds.zero

    package init() {}

    package var communicationExposed: Seconds { pass.communication + boundaries }
    var measuredShare: Double {
        pass.work.time > .zero ? pass.work.timeFromMeasurements / pass.work.time : 0
    }
}

/// Prices the stages of a pipeline for one micro-batch, from the parts of their layers.
package struct StagePricer: Hashable, Sendable {
    /// The message between two stages, of one chunk and one direction.
    package var message: Seconds
    package var chunks: Int
    package var overlapsTensor: Bool
    package var overlapsExperts: Bool
    package var overlapsPipeline: Bool
    /// What the host takes to launch one kernel; zero where launches are replayed.
    package var launch: Seconds

    package init(message: Seconds, chunks: Int, implementation: Implementation) {
        self.message = message
        self.chunks = chunks
        overlapsTensor = implementation.overlapsTensor
        overlapsExperts = implementation.overlapsExperts
        overlapsPipeline = implementation.overlapsPipeline
        launch = implementation.launchTime
    }

    /// The parts of a stage, added up for one micro-batch.
    private func partCost(of layers: StageLayers, _ costs: LayerCosts) -> PartCost {
        var cost = layers.dense * costs.dense + layers.sparse * costs.expert
        if layers.hasEmbedding { cost += costs.embedding }
        if layers.hasHead { cost += costs.head }
        return cost
    }

    /// One micro-batch on a stage with these layers, each of which costs what `costs` says.
    package func cost(of layers: StageLayers, _ costs: LayerCosts) -> StageCost {
        let parts = partCost(of: layers, costs)
        let load = PartLoad(parts)
        var result = StageCost()
        result.run = run(load)
        let forward = exposed(parts.forward, load.forward)
        let backward = exposed(parts.backward, load.backward)
        result.pass = forward + backward
        result.boundaries = 2 * boundary
        result.communication =
            parts.forward.communication + parts.backward.communication
            + 2 * Double(chunks) * message
        result.time.forward = forward.compute
        result.time.backward = backward.compute
        result.time.recomputation = parts.recomputation.work.time
        result.time.forwardCommunication = forward.communication + boundary
        result.time.backwardCommunication = backward.communication + boundary
        return result
    }

    /// How long one micro-batch runs on a stage with these layers, without where the time goes.
    package func run(of layers: StageLayers, _ loads: LayerLoads) -> StageRun {
        run(loads.part(of: layers))
    }

    private func run(_ load: PartLoad) -> StageRun {
        let forward = exposure(load.forward)
        let backward = exposure(load.backward)
        var run = StageRun()
        run.forward = forward.time + boundary
        run.backwardWeight = Seconds(
            max(load.backward.weightWork, load.backward.weightLaunches * launch.count))
        run.backwardInput = backward.time + boundary - run.backwardWeight
        run.forwardCompute = forward.compute
        run.backwardCompute = backward.compute
        return run
    }

    private func exposed(_ pass: PassCost, _ load: PassLoad) -> ExposedPass {
        let exposure = exposure(load)
        var result = ExposedPass()
        result.work = overlapsExperts ? CostConstants.expertOverlapSlowdown * pass.work : pass.work
        result.host = exposure.host
        result.tensor = exposure.tensor
        result.context = exposure.context
        result.expert = exposure.expert
        return result
    }

    /// A pass with what its own computation does not hide.
    private func exposure(_ load: PassLoad) -> PassExposure {
        var result = PassExposure()
        result.work = Seconds(load.work)
        result.tensor = Seconds(overlapsTensor ? load.tensorOverlapped : load.tensorExposed)
        result.context = Seconds(load.contextExposed)
        result.expert = Seconds(load.expert)
        if overlapsExperts {
            // Another micro-batch computes meanwhile, on the processors that the transfer leaves.
            result.work = Seconds(CostConstants.expertOverlapSlowdown * load.work)
            result.expert = Seconds(
                max(
                    CostConstants.expertOverlapExposed * load.expert,
                    load.expert - CostConstants.expertOverlapShare * load.work))
        }
        // The host runs ahead of the GPU, or the GPU waits for it.
        let busy = result.work + result.communication
        result.host = max(.zero, load.launches * launch - busy)
        return result
    }

    /// Seconds that a pass takes at least, however a framework overlaps and whatever else a stage
    /// does; what two passes take at least adds up.
    static func least(_ load: PassLoad) -> Double {
        load.work + min(load.tensorExposed, load.tensorOverlapped) + load.contextExposed
            + CostConstants.expertOverlapExposed * load.expert
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
        // Tensor ranks send a share each, with or without sequence parallelism.
        let payload = Double(tokens / degrees.tensor * model.hiddenSize * precision.elementBytes)
        let layout = GroupLayout(degrees: degrees, placement: placement, domain: domain)
        return network.time(.pointToPoint, payload: payload, span: layout.pipeline)
    }
}
