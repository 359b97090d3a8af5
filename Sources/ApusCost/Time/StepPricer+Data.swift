import ApusBase
import ApusPlan

/// What the replicas of a stage exchange in a step.
struct DataCosts {
    var total = Seconds.zero
    /// What no computation hides, on the stage where that is most.
    var exposed = Seconds.zero
}

extension StepPricer {
    func dataCosts(_ stages: [StageCost]) -> DataCosts {
        var worst = DataCosts()
        for stage in layers.indices {
            let costs = dataCosts(stage, stages[stage])
            if costs.exposed >= worst.exposed { worst = costs }
        }
        return worst
    }

    func states(_ stage: Int) -> StateSizes {
        StateSizes(
            layers: layers[stage], plan: step.plan, degrees: step.degrees,
            model: step.model, dense: dense, expert: expert)
    }

    private func dataCosts(_ stage: Int, _ cost: StageCost) -> DataCosts {
        let states = states(stage)
        let zero = step.plan.zeroStage
        let traits = step.implementation
        let gradient = traits.gradientPrecision.byteCount
        let weight = step.workload.precision == .fp32 ? 4 : 2
        let reduction: Collective = zero >= 1 ? .reduceScatter : .allReduce
        let reduce = exchange(reduction, states, bytesPerElement: gradient)
        let gather = exchange(.allGather, states, bytesPerElement: weight)
        var costs = DataCosts()
        let (gathers, reductions) = rounds
        costs.total = reductions * reduce + gathers * gather
        if zero >= 3 {
            // Each layer's weights are gathered while the layer before computes.
            let perPass = 1 / Double(max(1, layerCount(stage)))
            let batches = Double(step.microBatches)
            costs.exposed = hidden(
                batches * gather, under: batches * cost.time.forward, share: perPass)
            costs.exposed += hidden(
                batches * gather + reductions * reduce, under: batches * cost.time.backward,
                share: perPass)
        } else {
            costs.exposed =
                traits.overlapsGradients
                ? hidden(reduce, under: cost.time.backward, share: CostConstants.lastBucket)
                : reduce
            let gathered = gathers * gather
            costs.exposed +=
                traits.overlapsParameters
                ? hidden(gathered, under: cost.time.forward, share: CostConstants.lastBucket)
                : gathered
        }
        if states.tiedEmbedding > 0 {
            let payload = Double(states.tiedEmbedding * gradient)
            let span = GroupSpan(ranks: 2, ranksPerNode: layout.pipeline.ranksPerNode)
            let sum = network.time(.allReduce, payload: payload, span: span)
            costs.total += sum
            costs.exposed += sum
        }
        return costs
    }

    private func layerCount(_ stage: Int) -> Int {
        layers[stage].count
    }

    /// How often weights are gathered and gradients reduced in a step.
    private var rounds: (gathers: Double, reductions: Double) {
        let batches = Double(step.microBatches)
        switch step.plan.zeroStage {
        case 0: return (0, 1)
        case 1: return (1, 1)
        case 2: return (1, batches)
        default: return (2 * batches, batches)
        }
    }

    /// A collective over the replicas of dense weights and over those of experts.
    private func exchange(
        _ collective: Collective, _ states: StateSizes, bytesPerElement: Int
    ) -> Seconds {
        var time = Seconds.zero
        let dense = states.dense * bytesPerElement
        if layout.denseData.ranks > 1, dense > 0 {
            time += network.time(collective, payload: Double(dense), span: layout.denseData)
        }
        let experts = states.experts * bytesPerElement
        if layout.expertData.ranks > 1, experts > 0 {
            time += network.time(collective, payload: Double(experts), span: layout.expertData)
        }
        return time
    }

    /// What shows of a transfer in pieces that runs beside computation: what does not fit under it,
    /// and the piece that has nothing beside it.
    private func hidden(_ time: Seconds, under compute: Seconds, share: Double) -> Seconds {
        max(share * time, time - CostConstants.dataOverlapShare * compute)
    }

    /// Reading and writing the optimizer's states, and what goes before: the norm of the gradients,
    /// and with FP16 their unscaling.
    func optimizerTime(_ stage: Int) -> Seconds {
        let states = states(stage)
        let isSharded = step.plan.zeroStage >= 1
        let dense = states.dense / (isSharded ? layout.denseData.ranks : 1)
        let experts = states.experts / (isSharded ? layout.expertData.ranks : 1)
        let gradient = step.implementation.gradientPrecision.byteCount
        let perElement = Self.updateBytesPerWeight(step)
        let update = kernels.elementwise(bytes: Double((dense + experts) * perElement)).time
        let cleared = Double((states.dense + states.experts) * gradient)
        return update + kernels.elementwise(bytes: cleared).time
    }

    /// What the optimizer reads and writes for each weight that a rank updates.
    ///
    /// The norm and the update read the gradient; the update reads and writes the master weight and
    /// both moments; with FP16 the gradient is unscaled first.
    static func updateBytesPerWeight(_ step: Step) -> Int {
        let gradient = step.implementation.gradientPrecision.byteCount
        let moment = step.workload.optimizerPrecision.byteCount
        let copy = step.workload.precision == .fp32 ? 0 : 2
        let unscaling = step.workload.precision == .fp16 ? 2 * gradient : 0
        return 2 * gradient + 2 * (4 + 2 * moment) + copy + unscaling
    }
}
