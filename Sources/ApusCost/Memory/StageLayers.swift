package import ApusPlan

/// What one rank of a pipeline stage holds of the model: layers by kind, embedding and head.
package struct StageLayers: Hashable, Sendable {
    package var dense = 0
    package var sparse = 0
    package var hasEmbedding = false
    package var hasHead = false

    package var count: Int { dense + sparse }

    package init() {}

    /// The layers of a stage under a plan.
    ///
    /// With several chunks per rank the model is split evenly over all chunks, of which a stage
    /// holds every `p`-th, or in the V-shaped schedules one from each end. Layers that the plan
    /// names per stage are taken as they are.
    package init(stage: Int, plan: Plan, model: Model) {
        let stages = plan.degrees.pipeline
        let chunks = plan.chunks
        let isV = plan.schedule == .zeroBubbleV || plan.schedule == .dualPipeV
        hasEmbedding = stage == 0
        hasHead = stage == (isV ? 0 : stages - 1)
        if let counts = plan.layersPerStage {
            let first = counts[..<stage].reduce(0, +)
            add(first..<(first + counts[stage]), of: model)
            return
        }
        for chunk in 0..<chunks {
            let index = isV && chunk == 1 ? 2 * stages - 1 - stage : chunk * stages + stage
            let pieces = stages * chunks
            let size = model.layerCount / pieces
            let longer = model.layerCount % pieces
            let first = index * size + min(index, longer)
            add(first..<(first + size + (index < longer ? 1 : 0)), of: model)
        }
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

extension Plan {
    /// Chunks that each rank holds.
    package var chunks: Int {
        switch schedule {
        case .gpipe, .oneForwardOneBackward, .zeroBubbleH1: 1
        case .interleaved: max(1, chunksPerRank)
        case .zeroBubbleV, .dualPipeV: 2
        }
    }

    /// Micro-batches whose activations a stage holds at once at most, counted in whole stages:
    /// a chunk counts as its share of the stage's layers.
    ///
    /// Sources: Narayanan et al. 2021, §2.2, and Megatron-Core's interleaved warm-up; Qi et al.
    /// 2023, "Zero Bubble Pipeline Parallelism", §3 (H1); Qi et al. 2024, "Pipeline Parallelism with
    /// Controllable Memory" (V).
    package func microBatchesInFlight(stage: Int, microBatches: Int) -> Double {
        let stages = degrees.pipeline
        let all = Double(microBatches)
        switch schedule {
        case .gpipe: return all
        case .oneForwardOneBackward, .zeroBubbleH1: return min(Double(stages - stage), all)
        case .interleaved:
            guard chunks > 1, stages > 1 else { return min(Double(stages - stage), all) }
            let inFlight = Double(2 * (stages - stage - 1) + (chunks - 1) * stages + 1)
            return min(inFlight / Double(chunks), all)
        case .zeroBubbleV: return min(Double(stages), all)
        case .dualPipeV: return min(Double(stages) + 0.5, all)
        }
    }
}
