import ApusBase
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
        /// Before the feed-forward and behind it, on a rank's tokens and on its group's.
        case entering, enteringGathered, leavingPartial, leaving
        /// Rows at their experts, what these make of them, and that back where it came from.
        case arrived, results, returned
        /// A router's decision without the counts of other ranks, and with them.
        case decision, countedDecision
        case state(Island.Kind)
        /// What a split backward leaves for the weights' gradients.
        case factors(Island.Kind)
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
        case .state, .factors: .state
        case .stream, .residual, .rows, .weights, .passed, .normed, .gathered, .partial, .mixed,
            .entering, .enteringGathered, .leavingPartial, .leaving, .arrived, .results, .returned:
            .tensor
        }
    }

}

/// What is planned with one size wherever it occurs in a class.
///
/// That is a part, in any layer of a kind and any micro-batch, and its gradient.
struct SizeClass: Hashable {
    private let part: Content.Part
    private let isDense: Bool

    init(_ content: Content, in parts: LayerParts) {
        part = content.part == .countedDecision ? .decision : content.part
        isDense = content.kind == .state && parts.isDense(content.layer)
    }
}

extension Content: CustomStringConvertible {
    var description: String {
        let name =
            switch part {
            case .state(let kind): "\(kind.rawValue) state"
            case .factors(let kind): "\(kind.rawValue) factors"
            case .countedDecision: "decision with counts"
            default: "\(part)"
            }
        return "\(isGradient ? "gradient of " : "")\(name)/\(layer).\(microBatch)"
    }
}

extension Island {
    enum Kind: String, Hashable, CaseIterable {
        case embedding, attention, norm, heads, router, experts, feedForward, residual, head
    }

    var kind: Kind {
        switch self {
        case .embedding: .embedding
        case .attention: .attention
        case .norm: .norm
        case .heads: .heads
        case .router: .router
        case .experts: .experts
        case .feedForward: .feedForward
        case .residual: .residual
        case .head: .head
        }
    }
}

/// What the islands and bridges of one class have to read and write.
struct ContentRules {
    let chunks: [Range<Int>]
    private let stage: Int
    private let virtualStages: VirtualStages
    /// Whether each rank holds all experts, so that rows stay where they are.
    private let hasAllExperts: Bool
    private let isSliced: Bool
    private let parts: LayerParts

    init(_ programClass: ProgramClass, in program: Program) {
        let mesh = program.mesh
        isSliced = program.shape.tensorParallel > 1
        parts = program.parts
        chunks = programClass.chunks
        stage = programClass.stage.index
        virtualStages = mesh.virtualStages
        hasAllExperts = mesh.degrees.expert == 1
    }

    /// The layer that a value enters at a boundary which this class sends or receives over, or
    /// `nil` where it is not at that boundary, or at that side of it.
    func layer(atBoundary index: Int, isBefore: Bool) -> Int? {
        guard (1..<virtualStages.count).contains(index), !virtualStages.isLocal(entering: index)
        else { return nil }
        let own = isBefore ? index - 1 : index
        guard virtualStages.stage(of: own) == stage else { return nil }
        let layers = chunks[virtualStages.chunk(of: own)]
        return isBefore ? layers.upperBound : layers.lowerBound
    }

    func state(_ run: Island, _ microBatch: Int) -> Content {
        content(.state(run.kind), layer(of: run), microBatch)
    }

    func factors(_ run: Island, _ microBatch: Int) -> Content {
        content(.factors(run.kind), layer(of: run), microBatch)
    }

    func inputs(_ island: Island, _ microBatch: Int) -> [Content] {
        let parts: [Content.Part] =
            switch island {
            case .embedding: []
            case .attention, .norm, .head: [.stream]
            case .heads: [.gathered]
            case .router: [.passed, .mixed]
            case .experts: [.arrived]
            case .feedForward: [isSliced ? .enteringGathered : .entering]
            case .residual(let layer):
                [.residual] + (parts.isDense(layer) ? [] : [.returned, .weights])
                    + (parts.hasFeedForward(layer) ? [.leaving] : [])
            }
        return parts.map { content($0, layer(of: island), microBatch) }
    }

    func outputs(_ island: Island, _ microBatch: Int) -> [Content] {
        let layer = layer(of: island)
        switch island {
        case .embedding: return [content(.stream, layer, microBatch)]
        case .residual: return [content(.stream, layer + 1, microBatch)]
        case .attention, .router:
            let outputs: [Content.Part] =
                [.residual] + (parts.isDense(layer) ? [] : [.rows, .weights])
                + (parts.hasFeedForward(layer) ? [.entering] : [])
            return outputs.map { content($0, layer, microBatch) }
        case .feedForward:
            return [content(isSliced ? .leavingPartial : .leaving, layer, microBatch)]
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
        case .embedding: chunks[0].lowerBound
        case .head: chunks[chunks.count - 1].upperBound
        case .attention(let layer), .norm(let layer), .heads(let layer), .router(let layer),
            .experts(let layer), .feedForward(let layer), .residual(let layer):
            layer
        }
    }

    /// Whether an island of a layer with experts, which has to do with the router's decision.
    func followsDecision(_ island: Island) -> Bool {
        switch island {
        case .attention(let layer), .router(let layer), .experts(let layer), .residual(let layer):
            !parts.isDense(layer)
        case .embedding, .norm, .heads, .feedForward, .head: false
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
