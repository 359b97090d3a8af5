import ApusBase
import ApusPlan

/// What goes from one virtual stage to the next, over the network or within a rank.
extension StageCompiler {
    /// Starts the receive that an entry waits for, if it waits for one.
    mutating func startReceive(for entry: ScheduleEntry) {
        guard let payload = context.payload(neededBy: entry),
            let queue = context.queue(of: payload)
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
        guard context.queue(of: payload) != nil else {
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
        guard let queue = context.queue(of: payload) else {
            passed[payload] = source
            return
        }
        let id = Transfer.ID(payload: payload, role: .send)
        emit(
            .start(
                Transfer(
                    id: id, queue: queue, source: source, destination: nil, routing: nil,
                    size: context.hiddenSize)))
        unfinishedSends.append(id)
    }
}

extension StageContext {
    /// What an entry needs of another virtual stage.
    fileprivate func payload(neededBy entry: ScheduleEntry) -> Payload? {
        let own = index(of: entry.chunk)
        switch entry.pass {
        case .forward:
            return startsModel(entry.chunk)
                ? nil : .activation(into: own, microBatch: entry.microBatch)
        case .backward, .inputBackward:
            return endsModel(entry.chunk)
                ? nil : .activationGradient(into: own + 1, microBatch: entry.microBatch)
        case .weightBackward:
            return nil
        }
    }

    /// The queue over which a payload goes to another virtual stage, or `nil` where that stage lies
    /// on the same rank.
    fileprivate func queue(of payload: Payload) -> Queue? {
        switch payload {
        case .activation(let index, _):
            mesh.virtualStages.isLocal(entering: index) ? nil : .activations(into: index)
        case .activationGradient(let index, _):
            mesh.virtualStages.isLocal(entering: index) ? nil : .gradients(into: index)
        case .gather, .scatter, .scatterGradient, .gatherGradient, .counts, .dispatch, .combine,
            .combineGradient, .dispatchGradient, .gradients, .weights, .statistics:
            preconditionFailure("only hidden states go from one virtual stage to another")
        }
    }
}
