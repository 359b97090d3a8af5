import ApusBase
import ApusPlan

/// The states that the islands of one layer keep for backward.
struct LayerSlots {
    /// Of the one island of attention, or of its three parts in order.
    var attention: [Slot]
    var experts: Slot?
    var feedForward: Slot?
    var residual: Slot
}

/// What backward needs of one layer's forward.
struct LayerState {
    var input: Slot
    /// The router's decision; `nil` in a dense layer.
    var routing: Slot?
    /// `nil` where the layer is computed again before its backward.
    var kept: LayerSlots?
}

/// A layer's forward run.
struct LayerRun {
    var output: Slot
    var routing: Slot?
    var kept: LayerSlots?
}

extension StageCompiler {
    /// A layer's forward: `attention │ dispatch │ experts │ combine │ residual`.
    ///
    /// With `replaying` it is a recomputation: the router's decision is read, not taken again, and
    /// the counts, which the decision holds, are not exchanged again.
    mutating func forwardLayer(
        _ layer: Int, _ microBatch: Int, input: Slot, keepsState: Bool,
        replaying state: LayerState? = nil
    ) -> LayerRun {
        let isDense = context.parts.isDense(layer)
        let routing = isDense ? nil : state?.routing ?? value(.routing, context.routingSize)
        let residual = value(.tensor, context.hiddenSize)
        let rows = isDense ? nil : value(.tensor, context.rowsSize)
        let weights = isDense ? nil : value(.tensor, context.weightsSize)
        let hasFeedForward = context.parts.hasFeedForward(layer)
        let entering = hasFeedForward ? value(.tensor, context.hiddenSize) : nil
        let outputs = [residual, rows, weights, entering].compactMap(\.self)
        let decision = routing.map { state == nil ? Forward.Decision.take($0) : .replay($0) }
        let attention = forwardAttention(layer, microBatch, input, outputs, keepsState, decision)
        if state == nil, let routing, context.mesh.degrees.expert > 1 {
            join(
                .counts(layer: layer, microBatch: microBatch), on: .expert, routing: routing,
                size: context.countsSize)
        }
        var feedForward: (output: Slot, state: Slot?)?
        var experts: Slot?
        var returned: Slot?
        if let rows, let routing {
            let arrived = startExchange(
                .dispatch(layer: layer, microBatch: microBatch), rows, routing)
            feedForward = entering.map { forwardShared(layer, microBatch, $0, keepsState) }
            finishExchange(.dispatch(layer: layer, microBatch: microBatch))
            let results = value(.tensor, context.rowsSize)
            experts = forward(
                .experts(layer: layer), microBatch, [arrived], [results], keepsState,
                .use(routing))
            returned = startExchange(
                .combine(layer: layer, microBatch: microBatch), results, routing)
            finishExchange(.combine(layer: layer, microBatch: microBatch))
        } else {
            feedForward = entering.map { forwardShared(layer, microBatch, $0, keepsState) }
        }
        let output = value(.tensor, context.hiddenSize)
        let terms = [residual, returned, weights, feedForward?.output].compactMap(\.self)
        let sum = forward(
            .residual(layer: layer), microBatch, terms, [output], keepsState,
            routing.map { .use($0) })
        let kept = sum.map { sum in
            LayerSlots(
                attention: attention, experts: experts, feedForward: feedForward?.state,
                residual: sum)
        }
        return LayerRun(output: output, routing: routing, kept: kept)
    }

    /// A layer's backward, which gives the gradient of its input.
    ///
    /// Islands and bridges run in reverse, after a recomputation where the forward kept nothing.
    mutating func backwardLayer(
        _ layer: Int, _ passage: Passage, _ state: LayerState, _ gradient: Slot
    ) -> Slot {
        let microBatch = passage.microBatch
        let recomputed =
            state.kept
            ?? forwardLayer(
                layer, microBatch, input: state.input, keepsState: true, replaying: state
            ).kept
        guard let kept = recomputed else { preconditionFailure("this run keeps its states") }
        let expertSizes =
            state.routing == nil ? [] : [context.rowsSize, context.weightsSize]
        let sharedSizes = kept.feedForward == nil ? [] : [context.hiddenSize]
        let sums = backward(
            .residual(layer: layer), passage, state: kept.residual, outputGradients: [gradient],
            inputSizes: [context.hiddenSize] + expertSizes + sharedSizes)
        var gradients = [sums[0]]
        if let routing = state.routing, let experts = kept.experts {
            let results = startExchange(
                .combineGradient(layer: layer, microBatch: microBatch), sums[1], routing)
            let entering = backwardShared(layer, passage, kept, sums.last)
            finishExchange(.combineGradient(layer: layer, microBatch: microBatch))
            let arrived = backward(
                .experts(layer: layer), passage, state: experts, outputGradients: [results],
                inputSizes: [context.rowsSize])
            let rows = startExchange(
                .dispatchGradient(layer: layer, microBatch: microBatch), arrived[0], routing)
            finishExchange(.dispatchGradient(layer: layer, microBatch: microBatch))
            gradients += [rows, sums[2]] + [entering].compactMap(\.self)
        } else {
            gradients += [backwardShared(layer, passage, kept, sums.last)].compactMap(\.self)
        }
        return backwardAttention(layer, passage, kept.attention, gradients)
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
}

// MARK: - What every token passes

extension StageCompiler {
    /// The feed-forward of a dense layer, or the shared experts; with tensor parallelism between
    /// the bridges that attention has.
    private mutating func forwardShared(
        _ layer: Int, _ microBatch: Int, _ entering: Slot, _ keepsState: Bool
    ) -> (output: Slot, state: Slot?) {
        guard isSliced else {
            let output = value(.tensor, context.hiddenSize)
            let state = forward(
                .feedForward(layer: layer), microBatch, [entering], [output], keepsState)
            return (output, state)
        }
        let gathered = gather(
            .gather(.feedForward, layer: layer, microBatch: microBatch), entering)
        let partial = value(.tensor, context.gatheredSize)
        let state = forward(
            .feedForward(layer: layer), microBatch, [gathered], [partial], keepsState)
        let output = scatter(
            .scatter(.feedForward, layer: layer, microBatch: microBatch), partial)
        return (output, state)
    }

    /// Returns the gradient of what entered, or `nil` where the layer has no such part.
    private mutating func backwardShared(
        _ layer: Int, _ passage: Passage, _ kept: LayerSlots, _ gradient: Slot?
    ) -> Slot? {
        guard let state = kept.feedForward, let gradient else { return nil }
        let microBatch = passage.microBatch
        guard isSliced else {
            return backward(
                .feedForward(layer: layer), passage, state: state, outputGradients: [gradient],
                inputSizes: [context.hiddenSize])[0]
        }
        let partial = gather(
            .scatterGradient(.feedForward, layer: layer, microBatch: microBatch), gradient)
        let gathered = backward(
            .feedForward(layer: layer), passage, state: state, outputGradients: [partial],
            inputSizes: [context.gatheredSize])[0]
        return scatter(
            .gatherGradient(.feedForward, layer: layer, microBatch: microBatch), gathered)
    }
}

// MARK: - Rows to their experts and back

extension StageCompiler {
    /// Starts to move rows between the ranks of an expert group; within one rank they stay where
    /// they are.
    private mutating func startExchange(_ payload: Payload, _ rows: Slot, _ routing: Slot) -> Slot {
        guard context.mesh.degrees.expert > 1 else { return rows }
        let moved = value(.tensor, context.rowsSize)
        start(payload, on: .expert, rows, moved, routing, context.rowsSize)
        return moved
    }

    private mutating func finishExchange(_ payload: Payload) {
        guard context.mesh.degrees.expert > 1 else { return }
        emit(.wait(Transfer.ID(payload: payload, role: .join)))
    }
}
