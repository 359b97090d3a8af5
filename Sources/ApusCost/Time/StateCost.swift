package import ApusBase
import ApusPlan

/// What the weights of one stage cost in a step: their collectives, each once, and their update.
///
/// It depends on the degrees, the placement and the layers of the stage, not on micro-batches,
/// schedule or ZeRO stage.
package struct StateCost: Hashable, Sendable {
    /// Summing gradients over the replicas, whole and so that each keeps a share.
    package var allReduce = Seconds.zero
    package var reduceScatter = Seconds.zero
    /// Gathering the weights from the replicas.
    package var gather = Seconds.zero
    /// The same layer by layer, as ZeRO 3 does it: reducing gradients, and gathering weights.
    package var reduceLayers = Seconds.zero
    package var gatherLayers = Seconds.zero
    /// Summing the gradients of an embedding that the first and the last stage both hold.
    package var tied = Seconds.zero
    /// The optimizer's update of all the rank's weights, and of its share of them.
    package var update = Seconds.zero
    package var updateShare = Seconds.zero
    /// Layers of the stage, by which collectives come in pieces.
    package var layerCount = 1

    package init() {}
}

/// Prices what the weights of stages cost, whatever ZeRO makes of it.
package struct StatePricer: Sendable {
    let plan: Plan
    let degrees: Degrees
    let model: Model
    let layout: GroupLayout
    let kernels: Kernels
    let network: Network
    let dense: LayerParameters
    let expert: LayerParameters
    let gradientBytes: Int
    let weightBytes: Int
    let updateBytes: Int
    let layerCollectiveShare: Double
    /// The share of the memory's bandwidth that a step keeps up.
    let memory: Double

    package init(step: Step, model: CostModel) {
        plan = step.plan
        degrees = step.degrees
        self.model = step.model
        // A tensor degree that a bucket carves out of the data axis slices no weight, so gradients
        // are still reduced over all the ranks that hold it (`Mesh.group(.data)`).
        layout = GroupLayout(
            degrees: step.plan.degrees, placement: step.plan.pipelinePlacement,
            domain: model.domain)
        kernels = model.kernels
        network = model.network
        dense = step.model.layerParameters(isDense: true)
        expert = step.model.layerParameters(isDense: false)
        gradientBytes = step.implementation.gradientPrecision.byteCount
        weightBytes = step.workload.precision.elementBytes
        updateBytes = Self.updateBytesPerWeight(step)
        layerCollectiveShare = step.implementation.layerCollectiveShare
        memory = model.gpu.memory
    }

    package func cost(of layers: StageLayers) -> StateCost {
        let states = StateSizes(
            layers: layers, plan: plan, degrees: degrees, model: model, dense: dense,
            expert: expert)
        var cost = StateCost()
        cost.allReduce = exchange(.allReduce, states, bytesPerElement: gradientBytes)
        cost.reduceScatter = exchange(.reduceScatter, states, bytesPerElement: gradientBytes)
        cost.gather = exchange(.allGather, states, bytesPerElement: weightBytes)
        let slowdown = 1 / layerCollectiveShare
        cost.reduceLayers =
            slowdown
            * exchange(
                .reduceScatter, states, bytesPerElement: gradientBytes, pieces: layers.count)
        cost.gatherLayers =
            slowdown
            * exchange(.allGather, states, bytesPerElement: weightBytes, pieces: layers.count)
        if states.tiedEmbedding > 0 {
            let payload = Double(states.tiedEmbedding * gradientBytes)
            cost.tied = network.time(.allReduce, payload: payload, span: layout.pipeline)
        }
        cost.update = update(states, isSharded: false)
        cost.updateShare = update(states, isSharded: true)
        cost.layerCount = max(1, layers.count)
        return cost
    }

    /// A collective over the replicas of dense weights and over those of experts, in equal pieces.
    private func exchange(
        _ collective: Collective, _ states: StateSizes, bytesPerElement: Int, pieces: Int = 1
    ) -> Seconds {
        let count = Double(max(1, pieces))
        var time = Seconds.zero
        let dense = states.dense * bytesPerElement
        if layout.denseData.ranks > 1, dense > 0 {
            time +=
                count
                * network.time(collective, payload: Double(dense) / count, span: layout.denseData)
        }
        let experts = states.experts * bytesPerElement
        if layout.expertData.ranks > 1, experts > 0 {
            time +=
                count
                * network.time(
                    collective, payload: Double(experts) / count, span: layout.expertData)
        }
        return time
    }

    /// Reading and writing the optimizer's states, and what goes before: the norm of the gradients,
    /// and with FP16 their unscaling.
    private func update(_ states: StateSizes, isSharded: Bool) -> Seconds {
        let dense = states.dense / (isSharded ? layout.denseData.ranks : 1)
        let experts = states.experts / (isSharded ? layout.expertData.ranks : 1)
        let (updated, held) = (dense + experts, states.dense + states.experts)
        func moving(_ bytes: Int) -> Seconds {
            kernels.elementwise(bytes: Double(bytes)).stretched(by: memory).time
        }
        let update = kernels.update(weights: updated) ?? moving(updated * updateBytes)
        let clearing = kernels.clearing(weights: held) ?? moving(held * gradientBytes)
        return update + clearing + (kernels.gradientNorm(weights: held) ?? .zero)
    }

    /// What the optimizer reads and writes for each weight that a rank updates.
    ///
    /// The norm and the update read the gradient; the update reads and writes the master weight and
    /// both moments; with FP16 the gradient is unscaled first.
    static func updateBytesPerWeight(_ step: Step) -> Int {
        let gradient = step.implementation.gradientPrecision.byteCount
        let moment = step.workload.optimizerPrecision.byteCount
        let copy = step.workload.masterByteCount == 0 ? 0 : step.workload.precision.elementBytes
        let unscaling = step.workload.precision == .fp16 ? 2 * gradient : 0
        return 2 * gradient + 2 * (4 + 2 * moment) + copy + unscaling
    }
}
