/// A piece of computation between two communications, with explicit inputs and outputs.
///
/// A layer is `attention │ dispatch │ experts │ combine │ residual`, where the bars are bridges; a
/// dense one is `attention, feedForward, residual`, and shared experts run while rows travel. With
/// tensor parallelism attention is `norm │ gather │ heads │ scatter │ router`, and the feed-forward
/// stands between such bridges, too.
package enum Island: Hashable, Sendable {
    /// Token indices to hidden states.
    case embedding
    /// Hidden states to the residual stream, the rows for the experts and their routing weights.
    case attention(layer: Int)
    /// With tensor parallelism, the first part of attention: hidden states to themselves and their
    /// norm.
    case norm(layer: Int)
    /// The second: normed states of all tokens to this rank's heads' share of the output.
    case heads(layer: Int)
    /// The third: hidden states and attention's output to what `attention` gives.
    case router(layer: Int)
    /// Rows, grouped by source rank and expert, to rows in the same order.
    case experts(layer: Int)
    /// The feed-forward of a dense layer, or the experts that every token passes.
    case feedForward(layer: Int)
    /// The residual stream plus what came back from the experts and from the feed-forward.
    case residual(layer: Int)
    /// Hidden states to the summed loss.
    case head

    /// The layer that it is part of; 0 for the ends of the model.
    package var layer: Int {
        switch self {
        case .embedding, .head: 0
        case .attention(let layer), .norm(let layer), .heads(let layer), .router(let layer),
            .experts(let layer), .feedForward(let layer), .residual(let layer):
            layer
        }
    }

    /// Whether its backward has products that only the weights' gradients need.
    package var hasWeightProducts: Bool {
        switch self {
        case .attention, .heads, .router, .experts, .feedForward, .head: true
        case .embedding, .norm, .residual: false
        }
    }
}

/// A forward run of an island for one micro-batch.
package struct Forward: Hashable, Sendable {
    /// What a run does about the router's decision.
    package enum Decision: Hashable, Sendable {
        /// Takes it and writes it to the slot.
        case take(Slot)
        /// Reads it, so that a recomputation routes as the first run did.
        case replay(Slot)
        /// Uses the counts of one that was taken before.
        case use(Slot)
    }

    package var island: Island
    package var microBatch: Int
    package var inputs: [Slot]
    package var outputs: [Slot]
    /// Where the state for backward is kept; `nil` where it will be recomputed.
    package var state: Slot?
    package var decision: Decision?
}

/// A backward run of an island for one micro-batch; it consumes the state and adds to the weights'
/// gradients, or keeps the factors of those for a `WeightBackward`.
package struct Backward: Hashable, Sendable {
    package var island: Island
    package var microBatch: Int
    package var state: Slot
    /// Gradients of the island's outputs, in their order.
    package var outputGradients: [Slot]
    /// Gradients of the island's inputs, in their order.
    package var inputGradients: [Slot]
    /// Where the factors of the weights' gradients are kept, if the run is split.
    package var factors: Slot? = nil
}

/// The second half of a split backward: the products that give the weights' gradients.
///
/// Source: Qi et al. 2024, "Zero Bubble Pipeline Parallelism", §2.
package struct WeightBackward: Hashable, Sendable {
    package var island: Island
    package var microBatch: Int
    package var factors: Slot
}
