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
    package private(set) var space: SearchSpace
    /// By pipeline degree.
    let splits: [Int: [Split]]
    /// By pipeline degree, what the first stage holds at least: of the splits, those with the
    /// fewest layers.
    let firstStages: [Int: [StageLayers]]

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
        firstStages = splits.mapValues { splits in
            var least: [StageLayers] = []
            for split in splits {
                let layers = split.kinds[0].layers
                guard !least.contains(where: { $0.holdsNoMore(than: layers) }) else { continue }
                least.removeAll { layers.holdsNoMore(than: $0) }
                least.append(layers)
            }
            return least
        }
    }

    /// The same problem where only these degrees are wanted.
    package func restricted(to degrees: Degrees) -> SearchProblem {
        var result = self
        result.space.only = degrees
        return result
    }

    /// What a rank may hold.
    package var memoryLimit: Bytes { cluster.gpu.memory }

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

    /// How many ranks of a stage share the fastest link, under any of these degrees and any
    /// placement.
    func domains(_ degrees: [Degrees]) -> [Int] {
        var domains: Set<Int> = []
        for degrees in degrees {
            for placement in space.placements(pipeline: degrees.pipeline) {
                domains.insert(domain(placement, pipeline: degrees.pipeline))
            }
        }
        return domains.sorted()
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
}

extension StageLayers {
    /// Whether a stage with these layers needs no more memory than one with those.
    fileprivate func holdsNoMore(than other: StageLayers) -> Bool {
        dense <= other.dense && sparse <= other.sparse && (other.hasHead || !hasHead)
            && (other.hasEmbedding || !hasEmbedding)
    }
}
