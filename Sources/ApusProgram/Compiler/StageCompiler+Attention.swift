import ApusBase
import ApusPlan

/// Attention and router of one layer: one island, or with tensor parallelism three with bridges.
///
/// Source: Korthikanti et al. 2022, "Reducing activation recomputation in large transformer
/// models", §4.2.2: an all-gather before a column-parallel product, a reduce-scatter after a
/// row-parallel one, and tokens split over the ranks elsewhere.
extension StageCompiler {
    private var isSliced: Bool { context.shape.tensorParallel > 1 }

    /// Returns the states that were kept, in the order of the islands.
    mutating func forwardAttention(
        _ layer: Int, _ microBatch: Int, _ input: Slot, _ outputs: [Slot], _ keepsState: Bool,
        _ decision: Forward.Decision
    ) -> [Slot] {
        guard isSliced else {
            let state = forward(
                .attention(layer: layer), microBatch, [input], outputs, keepsState, decision)
            return [state].compactMap(\.self)
        }
        let passed = value(.tensor, context.hiddenSize)
        let normed = value(.tensor, context.hiddenSize)
        let norm = forward(
            .norm(layer: layer), microBatch, [input], [passed, normed], keepsState)
        let gathered = gather(.gather(layer: layer, microBatch: microBatch), normed)
        let partial = value(.tensor, context.gatheredSize)
        let heads = forward(
            .heads(layer: layer), microBatch, [gathered], [partial], keepsState)
        let mixed = scatter(.scatter(layer: layer, microBatch: microBatch), partial)
        let router = forward(
            .router(layer: layer), microBatch, [passed, mixed], outputs, keepsState, decision)
        return [norm, heads, router].compactMap(\.self)
    }

    /// Returns the gradient of the layer's input.
    mutating func backwardAttention(
        _ layer: Int, _ microBatch: Int, _ states: [Slot], _ gradients: [Slot],
        _ completesGradients: Bool
    ) -> Slot {
        let hidden = context.hiddenSize
        guard isSliced else {
            return backward(
                .attention(layer: layer), microBatch, state: states[0],
                outputGradients: gradients, inputSizes: [hidden],
                completesGradients: completesGradients)[0]
        }
        let sums = backward(
            .router(layer: layer), microBatch, state: states[2], outputGradients: gradients,
            inputSizes: [hidden, hidden], completesGradients: completesGradients)
        let partial = gather(.scatterGradient(layer: layer, microBatch: microBatch), sums[1])
        let gathered = backward(
            .heads(layer: layer), microBatch, state: states[1], outputGradients: [partial],
            inputSizes: [context.gatheredSize], completesGradients: completesGradients)[0]
        let normed = scatter(.gatherGradient(layer: layer, microBatch: microBatch), gathered)
        return backward(
            .norm(layer: layer), microBatch, state: states[0], outputGradients: [sums[0], normed],
            inputSizes: [hidden], completesGradients: completesGradients)[0]
    }

    /// An all-gather over the slice group: a rank's tokens to the tokens of all.
    private mutating func gather(_ payload: Payload, _ source: Slot) -> Slot {
        let destination = value(.tensor, context.gatheredSize)
        join(
            payload, on: .tensor, source: source, destination: destination,
            size: context.gatheredSize)
        return destination
    }

    /// A reduce-scatter over the slice group: partial sums for all tokens to a rank's own.
    private mutating func scatter(_ payload: Payload, _ source: Slot) -> Slot {
        let destination = value(.tensor, context.hiddenSize)
        join(
            payload, on: .tensor, source: source, destination: destination,
            size: context.gatheredSize)
        return destination
    }
}
