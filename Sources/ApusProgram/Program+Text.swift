import ApusBase
import ApusPlan

/// The text form of programs. `Program.init(text:)` reads it back to an equal value.
extension Program: CustomStringConvertible {
    package var description: String {
        ([header + parts.text] + classes.map { $0.text(in: mesh) }).joined(separator: "\n") + "\n"
    }

    private var header: String {
        let degrees = mesh.degrees
        return """
            program 2
            mesh pp\(degrees.pipeline) dp\(degrees.data) cp\(degrees.context) \
            tp\(degrees.tensor) ep\(degrees.expert) etp\(degrees.expertTensor) \
            carved\(mesh.carvedTensor) chunks\(mesh.virtualStages.chunks) \
            \(mesh.virtualStages.isV ? "v" : "loop") \(mesh.placement.rawValue)
            step length \(shape.sequenceLength) sequences \(shape.sequencesPerMicroBatch) \
            micro_batches \(shape.microBatches) tensor \(shape.tensorParallel) \
            recompute \(shape.recompute.rawValue) \
            precision \(shape.precision.rawValue)
            """
    }
}

extension LayerParts {
    /// The line of a program's text form that says what its layers have, after a line break; empty
    /// where all have experts and nothing else.
    fileprivate var text: String {
        guard !denseLayers.isEmpty || hasShared else { return "" }
        let dense = denseLayers.isEmpty ? [] : ["dense"] + denseLayers.map(String.init)
        return "\n" + (["parts"] + (hasShared ? ["shared"] : []) + dense).joined(separator: " ")
    }
}

extension ProgramClass {
    func text(in mesh: Mesh) -> String {
        var lines = [
            (["class stage \(stage) layers"]
                + chunks.map { "\($0.lowerBound)..<\($0.upperBound)" }).joined(separator: " ")
        ]
        for (index, slot) in slots.enumerated() {
            lines.append("slot s\(index) \(slot.kind.rawValue) \(slot.size.count)B")
        }
        for (index, bucket) in buckets.enumerated() {
            let names = bucket.parameters.joined(separator: " ")
            let sharded = bucket.isSharded ? " sharded" : ""
            lines.append(
                "bucket b\(index) on \(bucket.axis.rawValue)\(sharded) "
                    + "\(bucket.size.count)B \(names)")
        }
        lines += instructions.map(\.description)
        lines.append("end")
        return lines.joined(separator: "\n")
    }
}

extension Slot: CustomStringConvertible {
    package var description: String { "s\(index)" }
}

extension Island: CustomStringConvertible {
    package var description: String {
        switch self {
        case .embedding: "embedding"
        case .attention(let layer): "attention/\(layer)"
        case .norm(let layer): "norm/\(layer)"
        case .heads(let layer): "heads/\(layer)"
        case .router(let layer): "router/\(layer)"
        case .experts(let layer): "experts/\(layer)"
        case .feedForward(let layer): "feed_forward/\(layer)"
        case .residual(let layer): "residual/\(layer)"
        case .head: "head"
        }
    }
}

extension Payload: CustomStringConvertible {
    package var description: String {
        switch self {
        case .activation(let index, let microBatch): "activation/\(index).\(microBatch)"
        case .activationGradient(let index, let microBatch):
            "activation_gradient/\(index).\(microBatch)"
        case .gather(let half, let layer, let microBatch):
            "\(half.rawValue)_gather/\(layer).\(microBatch)"
        case .scatter(let half, let layer, let microBatch):
            "\(half.rawValue)_scatter/\(layer).\(microBatch)"
        case .scatterGradient(let half, let layer, let microBatch):
            "\(half.rawValue)_scatter_gradient/\(layer).\(microBatch)"
        case .gatherGradient(let half, let layer, let microBatch):
            "\(half.rawValue)_gather_gradient/\(layer).\(microBatch)"
        case .counts(let layer, let microBatch): "counts/\(layer).\(microBatch)"
        case .dispatch(let layer, let microBatch): "dispatch/\(layer).\(microBatch)"
        case .combine(let layer, let microBatch): "combine/\(layer).\(microBatch)"
        case .combineGradient(let layer, let microBatch): "combine_gradient/\(layer).\(microBatch)"
        case .dispatchGradient(let layer, let microBatch):
            "dispatch_gradient/\(layer).\(microBatch)"
        case .gradients(let bucket): "gradients.b\(bucket)"
        case .weights(let bucket): "weights.b\(bucket)"
        case .statistics: "statistics"
        }
    }
}

extension Transfer.ID: CustomStringConvertible {
    package var description: String {
        switch role {
        case .send: "send \(payload)"
        case .receive: "receive \(payload)"
        case .join: "\(payload)"
        }
    }
}

extension Instruction: CustomStringConvertible {
    package var description: String {
        switch self {
        case .zeroGradients: "ZERO"
        case .forward(let run): run.text
        case .backward(let run): run.text
        case .weightBackward(let run): "W\(run.microBatch) \(run.island) from \(run.factors)"
        case .start(let transfer): "START \(transfer.text)"
        case .wait(let id): "WAIT \(id)"
        case .free(let slot): "FREE \(slot)"
        case .gradientNorm: "NORM"
        case .optimizerStep: "STEP"
        }
    }
}

extension Forward {
    fileprivate var text: String {
        var parts = ["F\(microBatch) \(island)"]
        if !inputs.isEmpty { parts.append(list(inputs)) }
        if !outputs.isEmpty { parts.append("-> " + list(outputs)) }
        if let state { parts.append("keep \(state)") }
        switch decision {
        case .take(let slot): parts.append("take \(slot)")
        case .replay(let slot): parts.append("replay \(slot)")
        case .use(let slot): parts.append("use \(slot)")
        case nil: break
        }
        return parts.joined(separator: " ")
    }
}

extension Backward {
    fileprivate var text: String {
        var parts = ["B\(microBatch) \(island)"]
        if !outputGradients.isEmpty { parts.append(list(outputGradients)) }
        if !inputGradients.isEmpty { parts.append("-> " + list(inputGradients)) }
        parts.append("from \(state)")
        if let factors { parts.append("keep \(factors)") }
        return parts.joined(separator: " ")
    }
}

extension Transfer {
    fileprivate var text: String {
        var parts = ["\(id) on \(queue.name)"]
        if let source { parts.append("\(source)") }
        if let destination { parts.append("-> \(destination)") }
        if let routing { parts.append("by \(routing)") }
        return parts.joined(separator: " ") + " \(size.count)B"
    }
}

private func list(_ slots: [Slot]) -> String { slots.map(\.description).joined(separator: " ") }
