package import ApusBase
import ApusPlan

/// What one rank of a stage sends and receives in a step: payloads, without algorithm factors.
package struct StageTraffic: Hashable, Sendable {
    /// Collectives of tensor-parallel slices.
    package var tensor = Bytes.zero
    /// Keys and values round the context ranks.
    package var context = Bytes.zero
    /// Dispatch and combine, the own share included.
    package var expert = Bytes.zero
    /// Activations and their gradients over the stage's boundaries.
    package var pipeline = Bytes.zero
    /// Gradients that are reduced, and weights that are gathered.
    package var data = Bytes.zero

    package init() {}

    package var parts: [(name: String, size: Bytes)] {
        [
            ("tensor", tensor), ("context", context), ("expert", expert), ("pipeline", pipeline),
            ("data", data),
        ]
    }
}

extension CostModel {
    /// The traffic of one rank of each stage, by what it is for.
    package func traffic(of step: Step) -> [StageTraffic] {
        let pricer = layerPricer(for: step)
        let states = StatePricer(step: step, model: self)
        return (0..<step.plan.degrees.pipeline).map { stage in
            let layers = StageLayers(stage: stage, plan: step.plan, model: step.model)
            var traffic = pricer.traffic(of: layers, passes: step.bucket.recompute == .full ? 3 : 2)
            traffic = step.microBatches * traffic
            traffic.pipeline = boundaryTraffic(of: step, stage: stage)
            traffic.data = states.traffic(of: layers, microBatches: step.microBatches)
            return traffic
        }
    }

    private func boundaryTraffic(of step: Step, stage: Int) -> Bytes {
        let stages = step.plan.degrees.pipeline
        guard stages > 1 else { return .zero }
        let element = step.workload.precision.elementBytes
        let message =
            step.tokensPerMicroBatch / step.degrees.tensor * step.model.hiddenSize * element
        // Each boundary carries activations one way and gradients the other; the ends have one
        // boundary less.
        // In V-shaped schedules the first rank has both ends, and the turn is within the last one.
        let each = step.plan.schedule.isV ? 2 : 1
        let ends = (stage == 0 ? each : 0) + (stage == stages - 1 ? each : 0)
        let boundaries = 2 * step.plan.chunks - ends
        return Bytes(step.microBatches * 2 * boundaries * message)
    }
}

extension StageTraffic {
    static func * (count: Int, traffic: StageTraffic) -> StageTraffic {
        var result = traffic
        result.tensor = count * traffic.tensor
        result.context = count * traffic.context
        result.expert = count * traffic.expert
        return result
    }
}

extension LayerPricer {
    /// The traffic of one micro-batch through a stage's layers; with full recomputation forward
    /// runs a second time.
    fileprivate func traffic(of layers: StageLayers, passes: Int) -> StageTraffic {
        var traffic = StageTraffic()
        let stream = shape.tokens * model.hiddenSize * element
        if shape.tensor > 1 {
            let pair = shape.isSequenceParallel ? 2 : 1
            let pairs =
                2 * layers.dense + layers.sparse * (model.sharedExpertHiddenSize > 0 ? 2 : 1)
            traffic.tensor = Bytes(passes * pairs * pair * stream)
        }
        if shape.context > 1 {
            let row = keyValueRowWidth * element
            traffic.context = Bytes(
                (passes + 1) * layers.count * (shape.context - 1) * shape.tokens * row)
        }
        if shape.expert > 1 {
            let rows = expertTokens * model.topK * model.hiddenSize * element
            traffic.expert = Bytes(passes * 2 * layers.sparse * rows)
        }
        return traffic
    }
}

extension StatePricer {
    /// Gradients over the replicas, and with sharded states the weights back.
    fileprivate func traffic(of layers: StageLayers, microBatches: Int) -> Bytes {
        let states = StateSizes(
            layers: layers, plan: plan, degrees: degrees, model: model, dense: dense,
            expert: expert)
        let shared =
            (layout.denseData.ranks > 1 ? states.dense : 0)
            + (layout.expertData.ranks > 1 ? states.experts : 0)
        let rounds = StepFormula.rounds(zeroStage: plan.zeroStage, microBatches: microBatches)
        let perElement = rounds.reductions * gradientBytes + rounds.gathers * weightBytes
        return Bytes((shared + states.tiedEmbedding) * perElement)
    }
}
