import ApusBase
package import ApusPlan

/// What a training step costs, in time and memory, in closed form.
///
/// The parts of a layer are priced kernel by kernel (`LayerPricer`), and the schedule's formula
/// adds them up over micro-batches and stages.
package struct CostModel: Sendable {
    package let cluster: Cluster
    let kernels: Kernels
    private let islands: CalibratedIslands?
    let network: Network
    let gpu: SustainedRates
    /// GPUs of one domain of the fastest link.
    package let domain: Int

    package init(cluster: Cluster) {
        self.cluster = cluster
        kernels = Kernels(gpu: cluster.gpu, calibration: cluster.calibration)
        islands = cluster.calibration.flatMap(CalibratedIslands.init)
        gpu = SustainedRates.of(cluster, measured: kernels)
        network = Network(cluster: cluster, slowdown: 1 / gpu.collectives)
        domain = cluster.linksOrDefault.first?.gpuCount ?? cluster.gpusPerNode
    }

    package func layerPricer(for step: Step, splitsBackward: Bool? = nil) -> LayerPricer {
        let layout = GroupLayout(
            degrees: step.degrees, placement: step.plan.pipelinePlacement, domain: domain)
        return layerPricer(
            for: step, shape: step.microBatchShape, layout: layout, splitsBackward: splitsBackward)
    }

    /// Prices layers of other sizes than the step's own, or on other groups.
    ///
    /// Where islands of this model were measured, they take the measured time; those of a backward
    /// in two halves where `splitsBackward` or, if that is not said, the step's schedule says so.
    package func layerPricer(
        for step: Step, shape: MicroBatchShape, layout: GroupLayout, splitsBackward: Bool? = nil
    ) -> LayerPricer {
        let pricer = LayerPricer(
            model: step.model, shape: shape, layout: layout,
            implementation: step.implementation, precision: step.workload.precision,
            keptShare: step.keptShare, imbalance: step.expertImbalance,
            kernels: kernels, network: network, gpu: gpu)
        guard let islands, islands.apply(to: step.model, in: step.workload.precision) else {
            return pricer
        }
        return pricer.corrected(
            by: islands, splitsBackward: splitsBackward ?? step.plan.schedule.splitsBackward)
    }

    /// The price of the model's parts for one micro-batch, which many plans share.
    package func layerCosts(for step: Step) -> LayerCosts {
        let pricer = layerPricer(for: step)
        let recompute = step.bucket.recompute
        var costs = LayerCosts()
        if step.model.expertLayerCount < step.model.layerCount {
            costs.dense = pricer.layer(isDense: true, recompute: recompute)
        }
        if step.model.expertLayerCount > 0 {
            costs.expert = pricer.layer(isDense: false, recompute: recompute)
        }
        costs.embedding = pricer.embedding()
        costs.head = pricer.head()
        return costs
    }

    /// The step's time by stage, and what one rank of each stage holds.
    package func predict(_ step: Step) -> StepPrediction {
        let pricer = StepPricer(step: step, costs: layerCosts(for: step), model: self)
        var prediction = pricer.prediction()
        prediction.memory = memory(of: step)
        return prediction
    }
}

extension Plan.Schedule {
    /// Whether most backwards run in two halves, the one for the weights later.
    fileprivate var splitsBackward: Bool {
        switch self {
        case .zeroBubbleH1, .zeroBubbleV: true
        case .gpipe, .oneForwardOneBackward, .interleaved, .dualPipeV: false
        case .written(let written):
            2 * written.schedule.entries.joined().count { $0.pass == .weightBackward }
                > written.schedule.entries.joined().count { $0.pass == .forward }
        }
    }
}
