package import ApusPlan

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
            // Groups have as many micro-batches as there are stages, or more where they do not
            // divide.
            let groups = max(1, microBatches / stages)
            let group = (microBatches + groups - 1) / groups
            let warmUp = 2 * (stages - stage - 1) + (chunks - 1) * group
            return min(Double(warmUp + 1) / Double(chunks), all)
        case .zeroBubbleV: return min(Double(stages), all)
        case .dualPipeV: return min(Double(stages) + 0.5, all)
        case .written(let written): return written.schedule.held(by: stage).inFlight
        }
    }
}

/// Micro-batches, counted in whole stages, of which a split backward has left the weights' part for
/// later when a stage holds most.
package struct PostponedMicroBatches: Hashable, Sendable {
    /// Beside those in flight.
    package var beside = 0.0
    /// Some that were in flight, and whose activations are gone.
    package var instead = 0.0
}

extension Plan.Schedule {
    /// What a stage has postponed at its fullest.
    ///
    /// ZB-H1 runs a stage's index behind with weights all the time; the V schedules postpone in
    /// their last phase, a whole pass each or half of one. See the schedules in `ApusProgram`.
    package func microBatchesPostponed(
        stage: Int, pipeline stages: Int, microBatches: Int
    ) -> PostponedMicroBatches {
        let all = Double(microBatches)
        switch self {
        case .gpipe, .oneForwardOneBackward, .interleaved:
            return PostponedMicroBatches()
        case .zeroBubbleH1:
            let inFlight = min(Double(stages - stage), all)
            return PostponedMicroBatches(beside: min(Double(stage), all - inFlight))
        case .zeroBubbleV:
            return PostponedMicroBatches(instead: min(Double(stage), all))
        case .dualPipeV:
            return PostponedMicroBatches(instead: min(Double(stage + 1) / 2, all))
        case .written(let written):
            let held = written.schedule.held(by: stage)
            return PostponedMicroBatches(
                beside: held.postponedBeside,
                instead: min(held.inFlight, held.postponed - held.postponedBeside))
        }
    }
}
