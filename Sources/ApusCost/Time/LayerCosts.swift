package import ApusPlan

/// What each part of a model costs for one micro-batch on one rank.
///
/// It depends on the plan only through sizes, not through the number of micro-batches, stages or
/// replicas, so a search computes it once for many plans.
package struct LayerCosts: Hashable, Sendable {
    package var dense = PartCost()
    package var expert = PartCost()
    package var embedding = PartCost()
    package var head = PartCost()

    package init() {}
}

/// How many layers of each kind the stages of a pipeline hold.
package struct StageLayers: Hashable, Sendable {
    package struct Counts: Hashable, Sendable {
        package var dense = 0
        package var expert = 0

        package init() {}
    }

    package var stages: [Counts]

    /// The layers of each stage of `plan`; chunk `c` of a rank follows chunk `c − 1` of the last
    /// stage, in the V-shaped schedules on the way back.
    package init(plan: Plan, model: Model) {
        let pipeline = plan.degrees.pipeline
        let chunks = plan.chunksOnRank
        let positions = pipeline * chunks
        var counts = Array(repeating: Counts(), count: pipeline)
        var first = 0
        for position in 0..<positions {
            let layers = plan.layerCount(ofPosition: position, in: model)
            let round = position / pipeline
            let place = position % pipeline
            let stage = plan.schedule.isFolded && round % 2 == 1 ? pipeline - 1 - place : place
            for layer in first..<(first + layers) {
                if model.isDense(layer) {
                    counts[stage].dense += 1
                } else {
                    counts[stage].expert += 1
                }
            }
            first += layers
        }
        stages = counts
    }
}

extension Plan {
    /// Chunks of layers on one rank.
    package var chunksOnRank: Int {
        switch schedule {
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1: 1
        case .interleaved: max(1, chunksPerRank)
        case .zeroBubbleV, .dualPipeV: 2
        }
    }

    /// Layers of one chunk, counted along the model: those the plan names, or an even split in
    /// which the first chunks take one layer more where the count does not divide.
    func layerCount(ofPosition position: Int, in model: Model) -> Int {
        let chunks = chunksOnRank
        let positions = degrees.pipeline * chunks
        if let layersPerStage {
            let index = layersPerStage.count == positions ? position : position % degrees.pipeline
            guard index < layersPerStage.count else { return 0 }
            let layers = layersPerStage[index]
            guard layersPerStage.count != positions else { return layers }
            let round = position / degrees.pipeline
            return layers / chunks + (round < layers % chunks ? 1 : 0)
        }
        return model.layerCount / positions + (position < model.layerCount % positions ? 1 : 0)
    }
}

extension Plan.Schedule {
    /// Whether a rank's second chunk lies on the way back through the stages, so that the first
    /// rank holds the first and the last layers.
    package var isFolded: Bool {
        switch self {
        case .gpipe, .oneForwardOneBackward, .interleaved, .zeroBubbleH1: false
        case .zeroBubbleV, .dualPipeV: true
        }
    }
}
