import ApusBase
import ApusPlan

/// The states that the islands of one layer keep for backward.
struct LayerSlots {
    /// Of the one island of attention, or of its three parts in order.
    var attention: [Slot]
    var experts: Slot
    var residual: Slot
}

/// What backward needs of one layer's forward.
struct LayerState {
    var input: Slot
    var routing: Slot
    /// `nil` where the layer is computed again before its backward.
    var kept: LayerSlots?
}

extension StageCompiler {
    /// A layer's forward: `attention │ dispatch │ experts │ combine │ residual`.
    ///
    /// With `replaying` it is a recomputation: the router's decision is read, not taken again, and
    /// the counts, which the decision holds, are not exchanged again.
    mutating func forwardLayer(
        _ layer: Int, _ microBatch: Int, input: Slot, keepsState: Bool, replaying: Slot? = nil
    ) -> (output: Slot, routing: Slot, kept: LayerSlots?) {
        let routing = replaying ?? value(.routing, context.routingSize)
        let decision: Forward.Decision = replaying == nil ? .take(routing) : .replay(routing)
        let residual = value(.tensor, context.hiddenSize)
        let rows = value(.tensor, context.rowsSize)
        let weights = value(.tensor, context.weightsSize)
        let attention = forwardAttention(
            layer, microBatch, input, [residual, rows, weights], keepsState, decision)
        if replaying == nil, context.mesh.degrees.expert > 1 {
            join(
                .counts(layer: layer, microBatch: microBatch), on: .expert, routing: routing,
                size: context.countsSize)
        }
        let arrived = exchange(.dispatch(layer: layer, microBatch: microBatch), rows, routing)
        let results = value(.tensor, context.rowsSize)
        let experts = forward(
            .experts(layer: layer), microBatch, [arrived], [results], keepsState, .use(routing))
        let returned = exchange(.combine(layer: layer, microBatch: microBatch), results, routing)
        let output = value(.tensor, context.hiddenSize)
        let sum = forward(
            .residual(layer: layer), microBatch, [residual, returned, weights], [output],
            keepsState, .use(routing))
        guard let experts, let sum else { return (output, routing, nil) }
        let kept = LayerSlots(attention: attention, experts: experts, residual: sum)
        return (output, routing, kept)
    }

    /// A layer's backward, which gives the gradient of its input.
    ///
    /// Islands and bridges run in reverse, after a recomputation where the forward kept nothing.
    mutating func backwardLayer(
        _ layer: Int, _ microBatch: Int, _ state: LayerState, _ gradient: Slot,
        completesGradients: Bool
    ) -> Slot {
        let recomputed =
            state.kept
            ?? forwardLayer(
                layer, microBatch, input: state.input, keepsState: true, replaying: state.routing
            ).kept
        guard let kept = recomputed else { preconditionFailure("this run keeps its states") }
        let sums = backward(
            .residual(layer: layer), microBatch, state: kept.residual, outputGradients: [gradient],
            inputSizes: [context.hiddenSize, context.rowsSize, context.weightsSize],
            completesGradients: completesGradients)
        let results = exchange(
            .combineGradient(layer: layer, microBatch: microBatch), sums[1], state.routing)
        let arrived = backward(
            .experts(layer: layer), microBatch, state: kept.experts, outputGradients: [results],
            inputSizes: [context.rowsSize], completesGradients: completesGradients)
        let rows = exchange(
            .dispatchGradient(layer: layer, microBatch: microBatch), arrived[0], state.routing)
        return backwardAttention(
            layer, microBatch, kept.attention, [sums[0], rows, sums[2]], completesGradients)
    }

    mutating func forward(
        _ island: Island, _ microBatch: Int, _ inputs: [Slot], _ outputs: [Slot],
        _ keepsState: Bool, _ decision: Forward.Decision? = nil
    ) -> Slot? {
        let state = keepsState ? value(.state, context.stateSize(island)) : nil
        emit(
            .forward(
                Forward(
                    island: island, microBatch: microBatch, inputs: inputs, outputs: outputs,
                    state: state, decision: decision)))
        return state
    }

    /// Moves rows between the ranks of an expert group; within one rank they stay where they are.
    private mutating func exchange(_ payload: Payload, _ rows: Slot, _ routing: Slot) -> Slot {
        guard context.mesh.degrees.expert > 1 else { return rows }
        let moved = value(.tensor, context.rowsSize)
        join(
            payload, on: .expert, source: rows, destination: moved, routing: routing,
            size: context.rowsSize)
        return moved
    }
}
