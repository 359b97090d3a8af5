import ApusBase
import ApusPlan

/// Expands a stage's schedule into islands and bridges over values that are written once.
///
/// A slot here is the number of a value; `assignSlots` turns values into places later.
struct StageCompiler {
    let context: StageContext
    let buckets: [PlannedBucket]
    private(set) var instructions: [Instruction] = []
    private(set) var values: [SlotPlan] = []

    private var received: [Transfer.ID: Slot] = [:]
    private var saved: [Int: MicroBatchState] = [:]
    private var unfinishedSends: [Transfer.ID] = []

    init(_ context: StageContext, buckets: [PlannedBucket]) {
        self.context = context
        self.buckets = buckets
    }

    /// Compiles one step.
    ///
    /// A receive is started one entry ahead of its use, and a send is waited for one entry after
    /// its start, so that both overlap with computation.
    mutating func compile(_ schedule: [ScheduleEntry]) {
        emit(.zeroGradients)
        if let first = schedule.first { startReceive(for: first) }
        let lastBackward = schedule.lastIndex(where: \.isBackward)
        for (index, entry) in schedule.enumerated() {
            if index + 1 < schedule.count { startReceive(for: schedule[index + 1]) }
            let earlierSends = unfinishedSends
            unfinishedSends = []
            switch entry {
            case .forward(let microBatch):
                forward(microBatch)
            case .backward(let microBatch):
                backward(microBatch, completesGradients: index == lastBackward)
            }
            for send in earlierSends { emit(.wait(send)) }
        }
        for send in unfinishedSends { emit(.wait(send)) }
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

    private mutating func start(
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

    /// Runs an island backward, and starts the reduction of the buckets it completes.
    mutating func backward(
        _ island: Island, _ microBatch: Int, state: Slot, outputGradients: [Slot],
        inputSizes: [Bytes], completesGradients: Bool
    ) -> [Slot] {
        let inputGradients = inputSizes.map { value(.tensor, $0) }
        emit(
            .backward(
                Backward(
                    island: island, microBatch: microBatch, state: state,
                    outputGradients: outputGradients, inputGradients: inputGradients)))
        guard completesGradients else { return inputGradients }
        for (index, planned) in buckets.enumerated() where planned.lastIsland == island {
            let bucket = planned.bucket
            start(.gradients(bucket: index), on: bucket.axis, nil, nil, nil, bucket.size)
        }
        return inputGradients
    }
}

// MARK: - One micro-batch through the stage

extension StageCompiler {
    private mutating func forward(_ microBatch: Int) {
        var state = MicroBatchState()
        var hidden = stageInput(microBatch, &state)
        for layer in context.layers {
            let recompute = context.shape.recompute == .full
            let run = forwardLayer(layer, microBatch, input: hidden, keepsState: !recompute)
            state.layers.append(
                LayerState(input: hidden, routing: run.routing, kept: recompute ? nil : run.kept))
            hidden = run.output
        }
        if context.isLast {
            state.head = value(.state, context.stateSize(.head))
            emit(
                .forward(
                    Forward(
                        island: .head, microBatch: microBatch, inputs: [hidden], outputs: [],
                        state: state.head)))
        } else {
            send(.activation(microBatch: microBatch), hidden, on: .activationsOut)
        }
        saved[microBatch] = state
    }

    private mutating func stageInput(_ microBatch: Int, _ state: inout MicroBatchState) -> Slot {
        guard context.isFirst else { return receive(.activation(microBatch: microBatch)) }
        let hidden = value(.tensor, context.hiddenSize)
        let kept = value(.state, context.stateSize(.embedding))
        state.embedding = kept
        emit(
            .forward(
                Forward(
                    island: .embedding, microBatch: microBatch, inputs: [], outputs: [hidden],
                    state: kept)))
        return hidden
    }

    private mutating func backward(_ microBatch: Int, completesGradients: Bool) {
        guard let state = saved.removeValue(forKey: microBatch) else {
            preconditionFailure("a schedule runs each micro-batch forward before backward")
        }
        var gradient: Slot
        if let head = state.head {
            gradient =
                backward(
                    .head, microBatch, state: head, outputGradients: [],
                    inputSizes: [context.hiddenSize], completesGradients: completesGradients)[0]
        } else {
            gradient = receive(.activationGradient(microBatch: microBatch))
        }
        for (layer, layerState) in zip(context.layers, state.layers).reversed() {
            gradient = backwardLayer(
                layer, microBatch, layerState, gradient, completesGradients: completesGradients)
        }
        if let embedding = state.embedding {
            _ = backward(
                .embedding, microBatch, state: embedding, outputGradients: [gradient],
                inputSizes: [], completesGradients: completesGradients)
        } else {
            send(.activationGradient(microBatch: microBatch), gradient, on: .gradientsOut)
        }
    }
}

// MARK: - Point to point

extension StageCompiler {
    private mutating func startReceive(for entry: ScheduleEntry) {
        let payload: Payload
        let queue: Queue
        switch entry {
        case .forward(let microBatch):
            guard !context.isFirst else { return }
            (payload, queue) = (.activation(microBatch: microBatch), .activationsIn)
        case .backward(let microBatch):
            guard !context.isLast else { return }
            (payload, queue) = (.activationGradient(microBatch: microBatch), .gradientsIn)
        }
        let id = Transfer.ID(payload: payload, role: .receive)
        let destination = value(.tensor, context.hiddenSize)
        received[id] = destination
        emit(
            .start(
                Transfer(
                    id: id, queue: queue, source: nil, destination: destination, routing: nil,
                    size: context.hiddenSize)))
    }

    private mutating func receive(_ payload: Payload) -> Slot {
        let id = Transfer.ID(payload: payload, role: .receive)
        emit(.wait(id))
        guard let slot = received.removeValue(forKey: id) else {
            preconditionFailure("each receive is started one entry ahead")
        }
        return slot
    }

    private mutating func send(_ payload: Payload, _ source: Slot, on queue: Queue) {
        let id = Transfer.ID(payload: payload, role: .send)
        emit(
            .start(
                Transfer(
                    id: id, queue: queue, source: source, destination: nil, routing: nil,
                    size: context.hiddenSize)))
        unfinishedSends.append(id)
    }
}

/// What backward needs of one micro-batch's forward.
private struct MicroBatchState {
    var embedding: Slot?
    var layers: [LayerState] = []
    var head: Slot?
}

extension ScheduleEntry {
    fileprivate var isBackward: Bool {
        switch self {
        case .forward: false
        case .backward: true
        }
    }
}
