package import ApusBase
package import ApusPlan

/// The time that a pipeline's ranks idle because of the schedule, in closed form.
package struct BubbleFormula: Hashable, Sendable {
    /// One micro-batch through all stages, forward.
    package var forward: Seconds
    /// The same backward, without the part that only weight gradients need.
    package var backwardInput: Seconds
    package var backwardWeight: Seconds

    package init(forward: Seconds, backwardInput: Seconds, backwardWeight: Seconds) {
        self.forward = forward
        self.backwardInput = backwardInput
        self.backwardWeight = backwardWeight
    }

    /// How long the pipeline fills and drains, from sums over all stages but the slowest.
    ///
    /// Sources: Narayanan et al. 2021, §2.2, for GPipe, 1F1B and interleaving; Qi et al. 2024,
    /// "Zero Bubble Pipeline Parallelism", table 1, for H1; Qi et al. 2024, "Pipeline Parallelism
    /// with Controllable Memory", for V; DeepSeek-AI 2024, DualPipe, table of bubbles, for
    /// DualPipe-V, whose chunks are half a stage. A written schedule has no formula: it is played
    /// through once.
    package func idle(_ schedule: Plan.Schedule, chunks: Int) -> Seconds {
        let backward = backwardInput + backwardWeight
        switch schedule {
        case .gpipe, .oneForwardOneBackward:
            return forward + backward
        case .interleaved:
            return (1 / Double(max(1, chunks))) * (forward + backward)
        case .zeroBubbleH1:
            return max(.zero, forward + backwardInput - backwardWeight)
        case .zeroBubbleV:
            // Nothing idles where forward and both halves of backward take the same time.
            // Assumption: elsewhere the fill of half a stage is as uneven as they are.
            let longest = max(forward, backwardInput, backwardWeight)
            let shortest = min(forward, backwardInput, backwardWeight)
            return 0.5 * (longest - shortest)
        case .dualPipeV:
            let both = forward + backward
            return max(.zero, 0.5 * (both + backward - 3 * backwardWeight))
        case .written(let written):
            return idle(of: written.schedule)
        }
    }

    /// What a written schedule takes longer than its stages' work, played through in time.
    ///
    /// Every stage has the mean costs of those that fill and drain, and every chunk its share.
    private func idle(of schedule: PipelineSchedule) -> Seconds {
        let shape = schedule.virtualStages
        let sum = (forward + backwardInput + backwardWeight).count
        guard shape.stages > 1, sum > 0, sum.isFinite else { return .zero }
        let ticksPerSecond = 1e9 / sum
        func ticks(_ time: Seconds) -> Int { Int((max(0, time.count) * ticksPerSecond).rounded()) }
        var costs = ScheduleTimeline.Costs()
        costs.forward = ticks(forward)
        costs.inputBackward = ticks(backwardInput)
        costs.weightBackward = ticks(backwardWeight)
        let work =
            (costs.forward + costs.inputBackward + costs.weightBackward)
            * schedule.microBatches * shape.chunks
        let idle = ScheduleTimeline(schedule, costs: costs).length - work
        // A tick is a share of all other stages' work, and a chunk a share of its stage's.
        let share = ticksPerSecond * Double((shape.stages - 1) * shape.chunks)
        return Seconds(Double(max(0, idle)) / share)
    }
}

extension Plan {
    /// The idle share of one flush at equal stage costs, as the schedule's paper gives it.
    ///
    /// With equal times for forward and both halves of backward. Source: see `BubbleFormula`.
    package func bubbleAtEqualCosts(microBatches: Int) -> Double {
        let stages = Double(degrees.pipeline)
        let third = Seconds(1.0 / 3)
        let formula = BubbleFormula(
            forward: (stages - 1) * third, backwardInput: (stages - 1) * third,
            backwardWeight: (stages - 1) * third)
        let idle = formula.idle(schedule, chunks: chunks).count
        return idle / (Double(microBatches) + idle)
    }
}
