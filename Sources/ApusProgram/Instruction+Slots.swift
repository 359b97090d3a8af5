extension Instruction {
    /// The slots whose values the instruction needs.
    package var read: [Slot] {
        var slots: [Slot] = []
        forEachRead { slots.append($0) }
        return slots
    }

    /// The slots that hold a new value afterwards; those of a transfer, once it has been waited
    /// for.
    package var written: [Slot] {
        var slots: [Slot] = []
        forEachWritten { slots.append($0) }
        return slots
    }

    /// Visits the slots of `read`, then those of `written`.
    func forEachSlot(_ body: (Slot) -> Void) {
        forEachRead(body)
        forEachWritten(body)
    }

    /// Visits the slots of `read`, without a list of them.
    func forEachRead(_ body: (Slot) -> Void) {
        switch self {
        case .forward(let run):
            run.inputs.forEach(body)
            switch run.decision {
            case .replay(let slot), .use(let slot): body(slot)
            case .take, nil: break
            }
        case .backward(let run):
            run.outputGradients.forEach(body)
            body(run.state)
        case .weightBackward(let run):
            body(run.factors)
        case .start(let transfer):
            transfer.source.map(body)
            transfer.routing.map(body)
        case .free(let slot):
            body(slot)
        case .zeroGradients, .wait, .gradientNorm, .optimizerStep:
            break
        }
    }

    /// Visits the slots of `written`, without a list of them.
    func forEachWritten(_ body: (Slot) -> Void) {
        switch self {
        case .forward(let run):
            run.outputs.forEach(body)
            if case .take(let slot) = run.decision { body(slot) }
            run.state.map(body)
        case .backward(let run):
            run.inputGradients.forEach(body)
            run.factors.map(body)
        case .start(let transfer):
            transfer.destination.map(body)
        case .weightBackward, .zeroGradients, .wait, .free, .gradientNorm, .optimizerStep:
            break
        }
    }

    /// The same instruction on other slots.
    func mappingSlots(_ place: (Slot) -> Slot) -> Instruction {
        switch self {
        case .forward(var run):
            run.inputs = run.inputs.map(place)
            run.outputs = run.outputs.map(place)
            run.state = run.state.map(place)
            switch run.decision {
            case .take(let slot): run.decision = .take(place(slot))
            case .replay(let slot): run.decision = .replay(place(slot))
            case .use(let slot): run.decision = .use(place(slot))
            case nil: break
            }
            return .forward(run)
        case .backward(var run):
            run.state = place(run.state)
            run.outputGradients = run.outputGradients.map(place)
            run.inputGradients = run.inputGradients.map(place)
            run.factors = run.factors.map(place)
            return .backward(run)
        case .weightBackward(var run):
            run.factors = place(run.factors)
            return .weightBackward(run)
        case .start(var transfer):
            transfer.source = transfer.source.map(place)
            transfer.destination = transfer.destination.map(place)
            transfer.routing = transfer.routing.map(place)
            return .start(transfer)
        case .free(let slot):
            return .free(place(slot))
        case .zeroGradients, .wait, .gradientNorm, .optimizerStep:
            return self
        }
    }
}

extension Transfer {
    /// Visits the slots that nobody else may touch while it is in flight.
    func forEachSlot(_ body: (Slot) -> Void) {
        source.map(body)
        destination.map(body)
        routing.map(body)
    }
}
