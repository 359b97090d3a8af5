/// A piece of computation between two communications, with explicit inputs and outputs.
///
/// A layer is `attention │ dispatch │ experts │ combine │ residual`, where the bars are bridges;
/// with tensor parallelism attention is `norm │ gather │ heads │ scatter │ router`.
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
    /// The residual stream plus the weighted rows that came back from the experts.
    case residual(layer: Int)
    /// Hidden states to the summed loss.
    case head
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
/// gradients.
package struct Backward: Hashable, Sendable {
    package var island: Island
    package var microBatch: Int
    package var state: Slot
    /// Gradients of the island's outputs, in their order.
    package var outputGradients: [Slot]
    /// Gradients of the island's inputs, in their order.
    package var inputGradients: [Slot]
}
