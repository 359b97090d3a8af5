extension Instruction {
    /// The slots whose values the instruction needs.
    package var read: [Slot] {
        switch self {
        case .forward(let run):
            switch run.decision {
            case .replay(let slot), .use(let slot): run.inputs + [slot]
            case .take, nil: run.inputs
            }
        case .backward(let run):
            run.outputGradients + [run.state]
        case .weightBackward(let run):
            [run.factors]
        case .start(let transfer):
            [transfer.source, transfer.routing].compactMap(\.self)
        case .free(let slot):
            [slot]
        case .zeroGradients, .wait, .gradientNorm, .optimizerStep:
            []
        }
    }

    /// The slots that hold a new value afterwards; those of a transfer, once it has been waited
    /// for.
    package var written: [Slot] {
        switch self {
        case .forward(let run):
            switch run.decision {
            case .take(let slot): run.outputs + [slot] + (run.state.map { [$0] } ?? [])
            case .replay, .use, nil: run.outputs + (run.state.map { [$0] } ?? [])
            }
        case .backward(let run):
            run.inputGradients + [run.factors].compactMap(\.self)
        case .start(let transfer):
            transfer.destination.map { [$0] } ?? []
        case .weightBackward, .zeroGradients, .wait, .free, .gradientNorm, .optimizerStep:
            []
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
