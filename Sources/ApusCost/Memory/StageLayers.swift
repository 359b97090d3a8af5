import ApusBase
package import ApusPlan

/// Which parts of the model one rank of a pipeline stage holds.
package struct StageLayers: Hashable, Sendable {
    package var dense = 0
    /// Layers with experts.
    package var sparse = 0
    package var hasEmbedding = false
    package var hasHead = false

    package init() {}

    package var count: Int { dense + sparse }

    /// The layers of all chunks that a stage holds under a plan.
    package init(stage: Int, plan: Plan, model: Model) {
        hasEmbedding = stage == 0
        hasHead = stage == plan.virtualStages.headStage
        for layers in plan.layers(of: Stage(stage), in: model) { add(layers, of: model) }
    }

    private mutating func add(_ layers: Range<Int>, of model: Model) {
        guard model.hasExperts else {
            dense += layers.count
            return
        }
        var found = 0
        for layer in model.denseLayers where layers.contains(layer) { found += 1 }
        dense += found
        sparse += layers.count - found
    }
}
