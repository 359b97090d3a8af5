package import ApusBase
package import ApusCost
package import ApusPlan

/// A model, a cluster and a workload for which a strategy is wanted.
package struct SearchProblem: Sendable {
    package let model: Model
    package let cluster: Cluster
    package let workload: Workload
    package let routing: Routing
    package let costModel: CostModel
    package let space: SearchSpace
    /// By pipeline degree.
    let splits: [Int: [Split]]

    package init(model: Model, cluster: Cluster, workload: Workload, routing: Routing = Routing()) {
        self.model = model
        self.cluster = cluster
        self.workload = workload
        self.routing = routing
        costModel = CostModel(cluster: cluster)
        space = SearchSpace(
            model: model, worldSize: cluster.worldSize, sequences: workload.sequencesPerBatch,
            lengths: workload.sequenceLengths)
        splits = Dictionary(
            uniqueKeysWithValues: divisors(of: cluster.worldSize).filter { $0 <= model.layerCount }
                .map { ($0, Split.all(pipeline: $0, model: model)) })
    }

    /// What a rank may hold.
    package var memoryLimit: Bytes { Bytes(Int(cluster.gpu.memoryGB * 1e9)) }

    /// All layers, the embedding and the head.
    var wholeModel: StageLayers {
        var layers = StageLayers()
        layers.dense = model.denseLayerCount
        layers.sparse = model.expertLayerCount
        layers.hasEmbedding = true
        layers.hasHead = true
        return layers
    }

    /// How many ranks of a stage share the fastest link.
    func domain(_ placement: Plan.Placement, pipeline: Int) -> Int {
        placement == .outermost ? costModel.domain : max(1, costModel.domain / pipeline)
    }

    /// The step of a strategy.
    package func step(_ strategy: Strategy, length: Int) -> Step {
        step(strategy.plan(sequences: workload.sequencesPerBatch), length: length)
    }

    /// The step of a plan, with its bucket for the length.
    package func step(_ plan: Plan, length: Int) -> Step {
        let bucket = plan.bucket(forLength: length) ?? plan.buckets[plan.buckets.count - 1]
        return Step(
            model: model, cluster: cluster, workload: workload, routing: routing, plan: plan,
            bucket: bucket, sequenceLength: length, implementation: .standard(for: plan))
    }

    func load(
        _ layers: StageLayers, degrees: Degrees, inFlight: Double, zeroStage: Int
    ) -> StageLoad {
        StageLoad(
            layers: layers, inFlight: inFlight, zeroStage: zeroStage, degrees: degrees,
            tiesEmbeddings: model.tiesEmbeddings)
    }
}
