import ApusPlan

/// What a slot holds, told by the part of a layer that it is and not by the slot's number.
///
/// The instructions of a program say which slots they use; what those slots have to hold follows
/// from the model alone. The verifier compares the two.
struct Content: Hashable {
    enum Part: Hashable {
        /// Hidden states that enter a layer; those that leave the last one enter the head.
        case stream
        case residual, rows, weights
        /// Between the parts of attention where tensor parallelism cuts it.
        case passed, normed, gathered, partial, mixed
        /// Rows at their experts, what these make of them, and that back where it came from.
        case arrived, results, returned
        /// A router's decision without the counts of other ranks, and with them.
        case decision, countedDecision
        case state(Island.Kind)
    }

    var part: Part
    var layer: Int
    var microBatch: Int
    var isGradient = false

    var gradient: Content {
        var result = self
        result.isGradient = true
        return result
    }

    /// The kind of slot that can hold it.
    var kind: SlotPlan.Kind {
        switch part {
        case .decision, .countedDecision: .routing
        case .state: .state
        case .stream, .residual, .rows, .weights, .passed, .normed, .gathered, .partial, .mixed,
            .arrived, .results, .returned:
            .tensor
        }
    }

    /// What is planned with one size wherever it occurs in a class: a part, in any layer and
    /// micro-batch, and its gradient.
    var sizeClass: Part { part == .countedDecision ? .decision : part }
}

extension Content: CustomStringConvertible {
    var description: String {
        let name =
            switch part {
            case .state(let kind): "\(kind.rawValue) state"
            case .countedDecision: "decision with counts"
            default: "\(part)"
            }
        return "\(isGradient ? "gradient of " : "")\(name)/\(layer).\(microBatch)"
    }
}

extension Island {
    enum Kind: String, Hashable, CaseIterable {
        case embedding, attention, norm, heads, router, experts, residual, head
    }

    var kind: Kind {
        switch self {
        case .embedding: .embedding
        case .attention: .attention
        case .norm: .norm
        case .heads: .heads
        case .router: .router
        case .experts: .experts
        case .residual: .residual
        case .head: .head
        }
    }
}

/// What the islands and bridges of one class have to read and write.
struct ContentRules {
    let layers: Range<Int>
    /// Whether each rank holds all experts, so that rows stay where they are.
    let hasAllExperts: Bool

    func state(_ run: Island, _ microBatch: Int) -> Content {
        content(.state(run.kind), layer(of: run), microBatch)
    }

    func inputs(_ island: Island, _ microBatch: Int) -> [Content] {
        let parts: [Content.Part] =
            switch island {
            case .embedding: []
            case .attention, .norm, .head: [.stream]
            case .heads: [.gathered]
            case .router: [.passed, .mixed]
            case .experts: [.arrived]
            case .residual: [.residual, .returned, .weights]
            }
        return parts.map { content($0, layer(of: island), microBatch) }
    }

    func outputs(_ island: Island, _ microBatch: Int) -> [Content] {
        let layer = layer(of: island)
        switch island {
        case .embedding: return [content(.stream, layer, microBatch)]
        case .residual: return [content(.stream, layer + 1, microBatch)]
        case .attention, .router:
            return [.residual, .rows, .weights].map { content($0, layer, microBatch) }
        case .norm: return [.passed, .normed].map { content($0, layer, microBatch) }
        case .heads: return [content(.partial, layer, microBatch)]
        case .experts: return [content(.results, layer, microBatch)]
        case .head: return []
        }
    }

    func decision(_ layer: Int, _ microBatch: Int, isCounted: Bool) -> Content {
        let part: Content.Part = isCounted || hasAllExperts ? .countedDecision : .decision
        return content(part, layer, microBatch)
    }

    /// The layer of an island; the embedding stands before the class's first layer, the head behind
    /// its last.
    private func layer(of island: Island) -> Int {
        switch island {
        case .embedding: layers.lowerBound
        case .head: layers.upperBound
        case .attention(let layer), .norm(let layer), .heads(let layer), .router(let layer),
            .experts(let layer), .residual(let layer):
            layer
        }
    }

    func content(_ part: Content.Part, _ layer: Int, _ microBatch: Int) -> Content {
        let place: Content.Part =
            switch part {
            case .arrived where hasAllExperts: .rows
            case .returned where hasAllExperts: .results
            default: part
            }
        return Content(part: place, layer: layer, microBatch: microBatch)
    }
}
