import ApusBase
import ApusPlan

/// Expands a stage's schedule into islands and bridges over values that are written once.
///
/// A slot here is the number of a value; `assignSlots` turns values into places later.
struct StageCompiler {
    let context: StageContext
    private(set) var instructions: [Instruction] = []
    private(set) var values: [SlotPlan] = []

    /// Gradient buckets with the islands that still have to add to them.
    private var buckets: [PlannedBucket]
    var received: [Transfer.ID: Slot] = [:]
    var unfinishedSends: [Transfer.ID] = []
    /// Values that pass from one chunk of the stage to the next without leaving the rank.
    var passed: [Payload: Slot] = [:]
    private var saved: [Passage: MicroBatchState] = [:]
    private var postponed: [Passage: PostponedWeights] = [:]
    /// Whether the entry that is compiled is the last that adds to its chunk's gradients.
    private var completesGradients = false

    init(_ context: StageContext, buckets: [PlannedBucket]) {
        self.context = context
        self.buckets = buckets
    }

    /// Compiles one step.
    ///
    /// A receive is started one entry ahead of its use. A send is waited for behind the first entry
    /// before which its receive is surely started, so that both overlap with computation and nobody
    /// waits in a circle.
    mutating func compile(_ schedule: StageSchedule) {
        emit(.zeroGradients)
        let entries = schedule.entries
        if let first = entries.first { startReceive(for: first) }
        var due: [Int: [Transfer.ID]] = [:]
        for (index, entry) in entries.enumerated() {
            if index + 1 < entries.count { startReceive(for: entries[index + 1]) }
            completesGradients = schedule.lastGradients.contains(index)
            run(entry)
            due[schedule.received[index], default: []] += unfinishedSends
            unfinishedSends = []
            for send in due.removeValue(forKey: index) ?? [] { emit(.wait(send)) }
        }
        for index in due.keys.sorted() {
            for send in due[index] ?? [] { emit(.wait(send)) }
        }
        finishStep()
    }

    private mutating func finishStep() {
        for index in buckets.indices {
            emit(.wait(Transfer.ID(payload: .gradients(bucket: index), role: .join)))
        }
        emit(.gradientNorm)
        join(.statistics, on: .world, size: context.statisticsSize)
        emit(.optimizerStep)
        for (index, planned) in buckets.enumerated() where planned.bucket.isSharded {
            join(.weights(bucket: index), on: planned.bucket.axis, size: planned.bucket.size)
        }
    }
}

// MARK: - Emission, for the passes over layers

extension StageCompiler {
    mutating func emit(_ instruction: Instruction) { instructions.append(instruction) }

    mutating func value(_ kind: SlotPlan.Kind = .tensor, _ size: Bytes) -> Slot {
        values.append(SlotPlan(kind: kind, size: size))
        return Slot(values.count - 1)
    }

    /// Emits a collective and waits for it at once.
    mutating func join(
        _ payload: Payload, on axis: Axis, source: Slot? = nil, destination: Slot? = nil,
        routing: Slot? = nil, size: Bytes
    ) {
        start(payload, on: axis, source, destination, routing, size)
        emit(.wait(Transfer.ID(payload: payload, role: .join)))
    }

    mutating func start(
        _ payload: Payload, on axis: Axis, _ source: Slot?, _ destination: Slot?,
        _ routing: Slot?, _ size: Bytes
    ) {
        let id = Transfer.ID(payload: payload, role: .join)
        emit(
            .start(
                Transfer(
                    id: id, queue: .group(axis), source: source, destination: destination,
                    routing: routing, size: size)))
    }

    /// Runs an island backward; where the pass is split, its weights' part is left for later.
    mutating func backward(
        _ island: Island, _ passage: Passage, state: Slot, outputGradients: [Slot],
        inputSizes: [Bytes]
    ) -> [Slot] {
        let inputGradients = inputSizes.map { value(.tensor, $0) }
        let isSplit = postponed[passage] != nil && island.hasWeightProducts
        let factors = isSplit ? value(.state, context.factorsSize(island)) : nil
        emit(
            .backward(
                Backward(
                    island: island, microBatch: passage.microBatch, state: state,
                    outputGradients: outputGradients, inputGradients: inputGradients,
                    factors: factors)))
        if let factors {
            postponed[passage]?.islands.append((island, factors))
        } else if completesGradients {
            complete(island)
        } else if postponed[passage] != nil {
            postponed[passage]?.finished.append(island)
        }
        return inputGradients
    }

    /// Starts the reduction of the buckets to which `island` was the last to add.
    private mutating func complete(_ island: Island) {
        for index in buckets.indices where buckets[index].islands.remove(island) != nil {
            guard buckets[index].islands.isEmpty else { continue }
            let bucket = buckets[index].bucket
            start(.gradients(bucket: index), on: bucket.axis, nil, nil, nil, bucket.size)
        }
    }
}

// MARK: - One micro-batch through a chunk

extension StageCompiler {
    private mutating func run(_ entry: ScheduleEntry) {
        let passage = Passage(chunk: entry.chunk, microBatch: entry.microBatch)
        switch entry.pass {
        case .forward:
            forward(passage)
        case .backward:
            backward(passage)
        case .inputBackward:
            postponed[passage] = PostponedWeights()
            backward(passage)
        case .weightBackward:
            weightBackward(passage)
        }
    }

    private mutating func forward(_ passage: Passage) {
        var state = MicroBatchState()
        var hidden = chunkInput(passage, &state)
        let recompute = context.shape.recompute == .full
        for layer in context.chunks[passage.chunk] {
            let run = forwardLayer(
                layer, passage.microBatch, input: hidden, keepsState: !recompute)
            state.layers.append(
                LayerState(input: hidden, routing: run.routing, kept: recompute ? nil : run.kept))
            hidden = run.output
        }
        if context.endsModel(passage.chunk) {
            state.head = forward(.head, passage.microBatch, [hidden], [], true)
        } else {
            let next = context.index(of: passage.chunk) + 1
            send(.activation(into: next, microBatch: passage.microBatch), hidden)
        }
        saved[passage] = state
    }

    private mutating func chunkInput(_ passage: Passage, _ state: inout MicroBatchState) -> Slot {
        guard context.startsModel(passage.chunk) else {
            let own = context.index(of: passage.chunk)
            return receive(.activation(into: own, microBatch: passage.microBatch))
        }
        let hidden = value(.tensor, context.hiddenSize)
        state.embedding = forward(.embedding, passage.microBatch, [], [hidden], true)
        return hidden
    }

    private mutating func backward(_ passage: Passage) {
        guard let state = saved.removeValue(forKey: passage) else {
            preconditionFailure("a schedule runs each micro-batch forward before backward")
        }
        var gradient: Slot
        if let head = state.head {
            gradient =
                backward(
                    .head, passage, state: head, outputGradients: [],
                    inputSizes: [context.hiddenSize])[0]
        } else {
            let next = context.index(of: passage.chunk) + 1
            gradient = receive(.activationGradient(into: next, microBatch: passage.microBatch))
        }
        for (layer, layerState) in zip(context.chunks[passage.chunk], state.layers).reversed() {
            gradient = backwardLayer(layer, passage, layerState, gradient)
        }
        if let embedding = state.embedding {
            guard postponed[passage] == nil else {
                postponed[passage]?.embedding = (embedding, gradient)
                return
            }
            _ = backward(
                .embedding, passage, state: embedding, outputGradients: [gradient], inputSizes: [])
        } else {
            let own = context.index(of: passage.chunk)
            send(.activationGradient(into: own, microBatch: passage.microBatch), gradient)
        }
    }

    private mutating func weightBackward(_ passage: Passage) {
        guard let weights = postponed.removeValue(forKey: passage) else {
            preconditionFailure("a schedule runs backward for inputs before that for weights")
        }
        for (island, factors) in weights.islands {
            emit(
                .weightBackward(
                    WeightBackward(
                        island: island, microBatch: passage.microBatch, factors: factors)))
            if completesGradients { complete(island) }
        }
        if completesGradients { weights.finished.forEach { complete($0) } }
        guard let (state, gradient) = weights.embedding else { return }
        _ = backward(
            .embedding, passage, state: state, outputGradients: [gradient], inputSizes: [])
    }
}

/// A micro-batch on its way through one chunk of a stage.
struct Passage: Hashable {
    var chunk: Int
    var microBatch: Int
}

/// What backward needs of one micro-batch's forward.
private struct MicroBatchState {
    var embedding: Slot?
    var layers: [LayerState] = []
    var head: Slot?
}

/// What a split backward leaves for the weights.
private struct PostponedWeights {
    var islands: [(Island, factors: Slot)] = []
    /// Islands without products, which stand for their layer once the others are done.
    var finished: [Island] = []
    /// The embedding's backward has no other part than that for its weights.
    var embedding: (state: Slot, gradient: Slot)?
}
