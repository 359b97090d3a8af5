import ApusBase
package import ApusPlan

/// What a training step costs, in time and memory, in closed form.
///
/// The parts of a layer are priced kernel by kernel (`LayerPricer`), and the schedule's formula
/// adds them up over micro-batches and stages.
package struct CostModel: Sendable {
    package let cluster: Cluster
    let kernels: Kernels
    let network: Network
    let gpu: SustainedRates
    /// GPUs of one domain of the fastest link.
    package let domain: Int

    package init(cluster: Cluster) {
        self.cluster = cluster
        kernels = Kernels(gpu: cluster.gpu, calibration: cluster.calibration)
        gpu = SustainedRates.of(cluster, measured: kernels)
        network = Network(cluster: cluster, slowdown: 1 / gpu.collectives)
        domain = cluster.linksOrDefault.first?.gpuCount ?? cluster.gpusPerNode
    }

    package func layerPricer(for step: Step) -> LayerPricer {
        let layout = GroupLayout(
            degrees: step.degrees, placement: step.plan.pipelinePlacement, domain: domain)
        return layerPricer(for: step, shape: step.microBatchShape, layout: layout)
    }

    /// Prices layers of other sizes than the step's own, or on other groups.
    package func layerPricer(
        for step: Step, shape: MicroBatchShape, layout: GroupLayout
    ) -> LayerPricer {
        LayerPricer(
            model: step.model, shape: shape, layout: layout,
            implementation: step.implementation, precision: step.workload.precision,
            keptShare: step.keptShare, imbalance: step.expertImbalance,
            kernels: kernels, network: network, gpu: gpu)
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
