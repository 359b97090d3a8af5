package import ApusPlan

/// Stages of a pipeline that hold the same: as many layers of each kind, and the same ends.
///
/// A step's closed form prices a kind once, however many stages are of it. Of the stages of a kind
/// the first keeps most micro-batches in flight, and the last postpones most.
package struct StageKind: Hashable, Sendable {
    package var layers: StageLayers
    /// The first stage of this kind.
    package var first: Int
    /// The last one.
    package var last: Int
    /// Stages of this kind.
    package var count: Int

    package init(layers: StageLayers, stage: Int) {
        self.layers = layers
        first = stage
        last = stage
        count = 1
    }
}

extension Plan {
    /// The kinds of the plan's stages, by their first stage.
    package func stageKinds(of model: Model) -> [StageKind] {
        var kinds: [StageKind] = []
        for stage in 0..<degrees.pipeline {
            let layers = StageLayers(stage: stage, plan: self, model: model)
            if let index = kinds.firstIndex(where: { $0.layers == layers }) {
                kinds[index].count += 1
                kinds[index].last = stage
            } else {
                kinds.append(StageKind(layers: layers, stage: stage))
            }
        }
        return kinds
    }
}
