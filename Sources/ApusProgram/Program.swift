package import ApusBase
package import ApusPlan

/// What all ranks of a job do in one training step.
///
/// Ranks that differ only in their place on a mesh axis share one class, in which peers are named
/// by mesh offsets, so the program of 16 384 ranks is as large as that of 16.
package struct Program: Hashable, Sendable {
    package var mesh: Mesh
    package var shape: StepShape
    package var parts: LayerParts
    /// One per pipeline stage, in order.
    package var classes: [ProgramClass]

    package func programClass(of rank: Rank) -> ProgramClass {
        classes[mesh.position(of: rank).stage.index]
    }
}

/// The program of one stage's ranks.
package struct ProgramClass: Hashable, Sendable {
    package var stage: Stage
    /// The layers of each chunk that the stage holds, from the embedding to the head.
    package var chunks: [Range<Int>]
    package var slots: [SlotPlan]
    package var buckets: [GradientBucket]
    package var instructions: [Instruction]
}

/// Weight gradients that are reduced together because they are ready at about the same time and
/// belong to the same group of ranks.
package struct GradientBucket: Hashable, Sendable {
    package var axis: Axis
    /// Whether each rank of the axis updates a share of the weights and then sends it to the others
    /// (ZeRO), so that gradients are scattered, not copied, to all.
    package var isSharded: Bool
    /// Names of stored weights, in the order in which backward finishes them.
    package var parameters: [String]
    package var size: Bytes
}

/// How large one step is: what a plan's bucket says for one sequence length.
package struct StepShape: Hashable, Sendable {
    /// Tokens of one sequence.
    package var sequenceLength: Int
    package var sequencesPerMicroBatch: Int
    package var microBatches: Int
    /// Ranks that share a micro-batch: each computes a slice of attention and, outside of it, a
    /// share of the tokens.
    package var tensorParallel: Int
    package var recompute: Plan.Recompute
    /// The type that islands compute in.
    package var precision: Precision

    package init(
        sequenceLength: Int, sequencesPerMicroBatch: Int, microBatches: Int,
        tensorParallel: Int = 1, recompute: Plan.Recompute = .none,
        precision: Precision = .fp32
    ) {
        self.sequenceLength = sequenceLength
        self.sequencesPerMicroBatch = sequencesPerMicroBatch
        self.microBatches = microBatches
        self.tensorParallel = tensorParallel
        self.recompute = recompute
        self.precision = precision
    }

    /// Tokens of one micro-batch on one data-parallel replica.
    package var tokensPerMicroBatch: Int { sequenceLength * sequencesPerMicroBatch }
    /// Tokens of one micro-batch that one rank holds outside attention.
    package var localTokens: Int { tokensPerMicroBatch / tensorParallel }
    package var sequencesPerDataRank: Int { sequencesPerMicroBatch * microBatches }
}
