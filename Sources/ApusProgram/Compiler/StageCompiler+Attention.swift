import ApusBase
import ApusPlan

/// Attention and router of one layer: one island, or with tensor parallelism three with bridges.
///
/// Source: Korthikanti et al. 2022, "Reducing activation recomputation in large transformer
/// models", §4.2.2: an all-gather before a column-parallel product, a reduce-scatter after a
/// row-parallel one, and tokens split over the ranks elsewhere.
extension StageCompiler {
    var isSliced: Bool { context.shape.tensorParallel > 1 }

    /// Returns the states that were kept, in the order of the islands.
    mutating func forwardAttention(
        _ layer: Int, _ microBatch: Int, _ input: Slot, _ outputs: [Slot], _ keepsState: Bool,
        _ decision: Forward.Decision?
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
        let gathered = gather(.gather(.attention, layer: layer, microBatch: microBatch), normed)
        let partial = value(.tensor, context.gatheredSize)
        let heads = forward(
            .heads(layer: layer), microBatch, [gathered], [partial], keepsState)
        let mixed = scatter(
            .scatter(.attention, layer: layer, microBatch: microBatch), partial)
        let router = forward(
            .router(layer: layer), microBatch, [passed, mixed], outputs, keepsState, decision)
        return [norm, heads, router].compactMap(\.self)
    }

    /// Returns the gradient of the layer's input.
    mutating func backwardAttention(
        _ layer: Int, _ passage: Passage, _ states: [Slot], _ gradients: [Slot]
    ) -> Slot {
        let hidden = context.hiddenSize
        let microBatch = passage.microBatch
        guard isSliced else {
            return backward(
                .attention(layer: layer), passage, state: states[0], outputGradients: gradients,
                inputSizes: [hidden])[0]
        }
        let sums = backward(
            .router(layer: layer), passage, state: states[2], outputGradients: gradients,
            inputSizes: [hidden, hidden])
        let partial = gather(
            .scatterGradient(.attention, layer: layer, microBatch: microBatch), sums[1])
        let gathered = backward(
            .heads(layer: layer), passage, state: states[1], outputGradients: [partial],
            inputSizes: [context.gatheredSize])[0]
        let normed = scatter(
            .gatherGradient(.attention, layer: layer, microBatch: microBatch), gathered)
        return backward(
            .norm(layer: layer), passage, state: states[0], outputGradients: [sums[0], normed],
            inputSizes: [hidden])[0]
    }

    /// An all-gather over the slice group: a rank's tokens to the tokens of all.
    mutating func gather(_ payload: Payload, _ source: Slot) -> Slot {
        let destination = value(.tensor, context.gatheredSize)
        join(
            payload, on: .tensor, source: source, destination: destination,
            size: context.gatheredSize)
        return destination
    }

    /// A reduce-scatter over the slice group: partial sums for all tokens to a rank's own.
    mutating func scatter(_ payload: Payload, _ source: Slot) -> Slot {
        let destination = value(.tensor, context.hiddenSize)
        join(
            payload, on: .tensor, source: source, destination: destination,
            size: context.gatheredSize)
        return destination
    }
}
