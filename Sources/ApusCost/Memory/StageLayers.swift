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

extension Plan {
    /// The most micro-batches whose activations a stage holds at once, counted in whole stages: a
    /// chunk counts as its share.
    ///
    /// Sources: Narayanan et al. 2021, §2.2 (1F1B), and Megatron-Core's warm-up of the interleaved
    /// schedule; Qi et al. 2023, "Zero Bubble Pipeline Parallelism", §2 (H1 holds what 1F1B does);
    /// Qi et al. 2024, "Pipeline Parallelism with Controllable Memory" (in the V shape every rank
    /// holds what the first does in 1F1B); DeepSeek-AI 2025, DualPipe: one chunk more.
    package func microBatchesInFlight(stage: Int, microBatches: Int) -> Double {
        schedule.microBatchesInFlight(
            stage: stage, pipeline: degrees.pipeline, chunks: chunks, microBatches: microBatches)
    }
}

extension Plan.Schedule {
    /// See `Plan.microBatchesInFlight`.
    package func microBatchesInFlight(
        stage: Int, pipeline stages: Int, chunks: Int, microBatches: Int
    ) -> Double {
        let all = Double(microBatches)
        switch self {
        case .gpipe: return all
        case .oneForwardOneBackward, .zeroBubbleH1: return min(Double(stages - stage), all)
        case .interleaved:
            guard chunks > 1, stages > 1 else { return min(Double(stages - stage), all) }
            let warmUp = 2 * (stages - stage - 1) + (chunks - 1) * stages
            return min(Double(warmUp + 1) / Double(chunks), all)
        case .zeroBubbleV: return min(Double(stages), all)
        case .dualPipeV: return min(Double(stages) + 0.5, all)
        case .written(let written): return written.schedule.microBatchesInFlight(stage: stage)
        }
    }
}
