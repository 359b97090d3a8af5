package import ApusProgram

/// What sorts of instructions are told apart where times are added up: the same kind does the same
/// work, in whatever layer and for whatever micro-batch.
package enum InstructionKind {
    /// The name of an instruction's kind, such as `forward attention` or `wait dispatch`.
    package static func name(of instruction: Instruction) -> String {
        switch instruction {
        case .zeroGradients: "clear gradients"
        case .forward(let run): "forward \(run.island.kind)"
        case .backward(let run): "backward \(run.island.kind)"
        case .weightBackward(let run): "weight gradients \(run.island.kind)"
        case .start(let transfer): "start \(transfer.id.kind)"
        case .wait(let id): "wait \(id.kind)"
        case .free: "free"
        case .gradientNorm: "gradient norm"
        case .optimizerStep: "optimizer"
        }
    }

    /// Whether a rank computes for it, so that its time is its own.
    package static func isComputation(_ instruction: Instruction) -> Bool {
        switch instruction {
        case .zeroGradients, .forward, .backward, .weightBackward, .gradientNorm, .optimizerStep:
            true
        case .start, .wait, .free: false
        }
    }
}

extension Island {
    /// The island without its layer, such as `experts`.
    package var kind: Substring { description.prefix { $0 != "/" } }
}

extension Payload {
    /// What is sent, without layer, micro-batch or bucket, such as `dispatch`.
    package var kind: Substring { description.prefix { $0 != "/" && $0 != "." } }
}

extension Transfer.ID {
    /// The payload's kind, with the side that the rank is on.
    package var kind: String {
        switch role {
        case .send: "send \(payload.kind)"
        case .receive: "receive \(payload.kind)"
        case .join: "\(payload.kind)"
        }
    }
}
