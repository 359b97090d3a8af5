package import ApusBase

/// What one rank of a pipeline stage holds at its fullest moment.
package struct StageMemory: Hashable, Sendable {
    package var weights = Bytes.zero
    package var gradients = Bytes.zero
    /// States of the optimizer and master weights, after ZeRO.
    package var optimizer = Bytes.zero
    /// What the layers' forward keeps for backward, of all micro-batches in flight.
    package var activations = Bytes.zero
    /// Logits and their gradient, on the stage with the head.
    package var logits = Bytes.zero
    /// Buffers of communication, of the recomputed layer, and of the largest temporary.
    package var buffers = Bytes.zero
    /// What the allocator loses to fragments, between allocated and reserved.
    package var fragmentation = Bytes.zero
    /// The device's context, NCCL's buffers and the library's kernels; outside the allocator.
    package var context = Bytes.zero
    /// What of `allocated` stays between two steps.
    package var steady = Bytes.zero

    package init() {}

    /// The components with their names.
    package var parts: [(name: String, size: Bytes)] {
        [
            ("weights", weights), ("gradients", gradients), ("optimizer", optimizer),
            ("activations", activations), ("logits", logits), ("buffers", buffers),
            ("fragmentation", fragmentation), ("context", context),
        ]
    }

    /// What forward keeps for backward, logits included.
    package var kept: Bytes { activations + logits }

    package var allocated: Bytes {
        weights + gradients + optimizer + activations + logits + buffers
    }
    package var reserved: Bytes { allocated + fragmentation }
    package var total: Bytes { reserved + context }
}

/// What one rank of a pipeline stage does in a step, in seconds.
package struct StageTime: Hashable, Sendable {
    /// Computation of one micro-batch, all its chunks together.
    package var forward = Seconds.zero
    package var backward = Seconds.zero
    /// The part of `backward` that runs forward again.
    package var recomputation = Seconds.zero
    /// Communication of one micro-batch that computation does not hide.
    package var forwardCommunication = Seconds.zero
    package var backwardCommunication = Seconds.zero

    package init() {}
}

/// What the cost model says about one training step.
package struct StepPrediction: Hashable, Sendable {
    package var stepTime: Seconds
    /// Per pipeline stage.
    package var stages: [StageTime]
    package var memory: [StageMemory]
    /// The share of the step that a rank idles because of the schedule, at the stages' real costs.
    package var bubble: Double
    /// Communication that computation does not hide, of the rank on the critical path.
    package var communicationExposed: Seconds
    /// Communication in all, hidden or not.
    package var communication: Seconds
    /// Computation of the rank on the critical path.
    package var computation: Seconds
    package var optimizer: Seconds
    /// Tokens of the step, over all ranks.
    package var tokens: Int
    package var worldSize: Int
    /// Model FLOPs of the step over peak FLOPs in its time.
    package var modelFLOPsUtilization: Double
    /// How far measurements lie from such predictions: four of five within.
    package var low: Seconds
    package var high: Seconds
    /// The share of the computation that rests on measured or interpolated kernels.
    package var measuredShare: Double
    package var breakdown: StepBreakdown

    package var tokensPerSecond: Double { Double(tokens) / stepTime.count }
    package var tokensPerSecondPerGPU: Double { tokensPerSecond / Double(worldSize) }
    package var memoryPeak: Bytes { memory.map(\.total).max() ?? .zero }
}
