import ApusBase
import ApusPlan

/// What goes from one virtual stage to the next, over the network or within a rank.
extension StageCompiler {
    /// Starts the receive that an entry waits for, if it waits for one.
    mutating func startReceive(for entry: ScheduleEntry) {
        guard let payload = context.payload(neededBy: entry), let queue = payload.queue,
            !context.staysLocal(payload)
        else { return }
        let id = Transfer.ID(payload: payload, role: .receive)
        let destination = value(.tensor, context.hiddenSize)
        received[id] = destination
        emit(
            .start(
                Transfer(
                    id: id, queue: queue, source: nil, destination: destination, routing: nil,
                    size: context.hiddenSize)))
    }

    mutating func receive(_ payload: Payload) -> Slot {
        if context.staysLocal(payload) {
            guard let slot = passed.removeValue(forKey: payload) else {
                preconditionFailure("a schedule runs chunks in the order of the model")
            }
            return slot
        }
        let id = Transfer.ID(payload: payload, role: .receive)
        emit(.wait(id))
        guard let slot = received.removeValue(forKey: id) else {
            preconditionFailure("each receive is started one entry ahead")
        }
        return slot
    }

    mutating func send(_ payload: Payload, _ source: Slot) {
        guard !context.staysLocal(payload) else {
            passed[payload] = source
            return
        }
        guard let queue = payload.queue else { preconditionFailure("only hidden states are sent") }
        let id = Transfer.ID(payload: payload, role: .send)
        emit(
            .start(
                Transfer(
                    id: id, queue: queue, source: source, destination: nil, routing: nil,
                    size: context.hiddenSize)))
        unfinishedSends.append(id)
    }
}

extension Payload {
    static func activation(into index: Int, _ microBatch: Int) -> Payload {
        .activation(into: index, microBatch: microBatch)
    }

    static func activationGradient(into index: Int, _ microBatch: Int) -> Payload {
        .activationGradient(into: index, microBatch: microBatch)
    }

    /// The queue of a payload that goes from one stage to another.
    fileprivate var queue: Queue? {
        switch self {
        case .activation(let index, _): .activations(into: index)
        case .activationGradient(let index, _): .gradients(into: index)
        default: nil
        }
    }

    /// The virtual stage that such a payload enters or entered.
    fileprivate var boundary: Int? {
        switch self {
        case .activation(let index, _), .activationGradient(let index, _): index
        default: nil
        }
    }
}

extension StageContext {
    /// What an entry needs of another virtual stage.
    fileprivate func payload(neededBy entry: ScheduleEntry) -> Payload? {
        switch entry.pass {
        case .forward:
            startsModel(entry.chunk)
                ? nil : .activation(into: index(of: entry.chunk), entry.microBatch)
        case .backward, .inputBackward:
            endsModel(entry.chunk)
                ? nil : .activationGradient(into: index(of: entry.chunk) + 1, entry.microBatch)
        case .weightBackward:
            nil
        }
    }

    fileprivate func staysLocal(_ payload: Payload) -> Bool {
        payload.boundary.map(mesh.virtualStages.isLocal) ?? false
    }
}
