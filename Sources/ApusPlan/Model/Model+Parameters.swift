/// One weight as a rank stores it, and which weights of the model lie in it.
///
/// Experts of a layer are stacked in one tensor, so that a grouped product reads them at once;
/// every other weight is stored as the model names it.
package struct StoredParameter: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case embedding, attention, router, experts, shared, dense, norms, head
    }

    /// A weight of the model inside the stored tensor: `count` elements from `offset`.
    package struct Piece: Hashable, Sendable {
        /// The weight's name in a Hugging Face checkpoint.
        package var name: String
        package var offset: Int
        package var shape: [Int]
        /// Which slice along the first axis of that weight the piece is, where a checkpoint stacks
        /// the experts too (GPT-OSS); `nil` where the piece is the whole weight.
        package var slice: Int?

        package var count: Int { shape.reduce(1, *) }
    }

    package var name: String
    package var kind: Kind
    package var layer: Int?
    package var shape: [Int]
    /// The weights inside, for the share of experts that the rank holds.
    package var pieces: [Piece]

    package var count: Int { shape.reduce(1, *) }
    /// Decay pulls matrices towards zero; norms and biases are left alone.
    package var decays: Bool { kind != .norms && pieces.allSatisfy { $0.shape.count > 1 } }
}

extension Model {
    /// The name of the token embedding, which a tied head shares, in all families but GPT-2.
    package static let embeddingName = "model.embed_tokens.weight"

    /// The weights that one rank stores, in the order in which forward meets them.
    ///
    /// The rank's stage holds `layers`; the first stage has the embedding too, and the last one the
    /// final norm and the head. Of each layer's experts the rank holds `experts`, by global index.
    package func storedParameters(
        layers: some Sequence<Int>, isFirst: Bool, isLast: Bool, experts: Range<Int>
    ) -> [StoredParameter] {
        var weights = WeightList()
        if isFirst {
            addEmbedding(to: &weights)
            if let learnedPositions {
                weights.add("transformer.wpe.weight", .embedding, [learnedPositions, hiddenSize])
            }
        }
        for layer in layers { add(layer: layer, experts: experts, to: &weights) }
        guard isLast else { return weights.parameters }
        weights.layer = nil
        addNorm(family == .gpt2 ? "transformer.ln_f" : "model.norm", to: &weights)
        if !tiesEmbeddings {
            weights.add("lm_head.weight", .head, [vocabularySize, hiddenSize])
        } else if !isFirst {
            addEmbedding(to: &weights)
        }
        return weights.parameters
    }

    private func addEmbedding(to weights: inout WeightList) {
        let name = family == .gpt2 ? "transformer.wte.weight" : Self.embeddingName
        weights.add(name, .embedding, [vocabularySize, hiddenSize])
    }

    /// All weights of the model, as one rank would store them.
    package var parameters: [StoredParameter] {
        storedParameters(
            layers: 0..<layerCount, isFirst: true, isLast: true, experts: 0..<expertCount)
    }
}
