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

        package var count: Int { shape.reduce(1, *) }
    }

    package var name: String
    package var kind: Kind
    package var layer: Int?
    package var shape: [Int]
    /// The weights inside, for the share of experts that the rank holds.
    package var pieces: [Piece]

    package var count: Int { shape.reduce(1, *) }
    /// Decay pulls matrices towards zero; norms are left alone.
    package var decays: Bool { kind != .norms }
}

extension Model {
    /// The name of the token embedding, which a tied head shares.
    package static let embeddingName = "model.embed_tokens.weight"

    /// The weights that one rank stores, in the order in which forward meets them.
    ///
    /// The rank's stage holds `layers`; the first stage has the embedding too, and the last one the
    /// final norm and the head. Of each layer's experts the rank holds `experts`, by global index.
    package func storedParameters(
        layers: Range<Int>, isFirst: Bool, isLast: Bool, experts: Range<Int>
    ) -> [StoredParameter] {
        let embedding = plain(Self.embeddingName, .embedding, [vocabularySize, hiddenSize])
        var result = isFirst ? [embedding] : []
        for layer in layers { result += stored(layer, experts: experts) }
        guard isLast else { return result }
        result.append(plain("model.norm.weight", .norms, [hiddenSize]))
        if !tiesEmbeddings {
            result.append(plain("lm_head.weight", .head, [vocabularySize, hiddenSize]))
        } else if !isFirst {
            result.append(embedding)
        }
        return result
    }

    /// All weights of the model, as one rank would store them.
    package var parameters: [StoredParameter] {
        storedParameters(
            layers: 0..<layerCount, isFirst: true, isLast: true, experts: 0..<expertCount)
    }

    private func stored(_ layer: Int, experts: Range<Int>) -> [StoredParameter] {
        let prefix = "model.layers.\(layer)."
        let attention = prefix + "self_attn."
        return [
            plain(prefix + "input_layernorm.weight", .norms, [hiddenSize], layer),
            plain(attention + "q_proj.weight", .attention, [queryWidth, hiddenSize], layer),
            plain(attention + "k_proj.weight", .attention, [keyValueWidth, hiddenSize], layer),
            plain(attention + "v_proj.weight", .attention, [keyValueWidth, hiddenSize], layer),
            plain(attention + "o_proj.weight", .attention, [hiddenSize, queryWidth], layer),
            plain(prefix + "post_attention_layernorm.weight", .norms, [hiddenSize], layer),
            plain(
                prefix + "block_sparse_moe.gate.weight", .router, [expertCount, hiddenSize], layer),
            stacked(layer, "w1w3", ["w1", "w3"], [expertHiddenSize, hiddenSize], experts),
            stacked(layer, "w2", ["w2"], [hiddenSize, expertHiddenSize], experts),
        ]
    }

    private func plain(
        _ name: String, _ kind: StoredParameter.Kind, _ shape: [Int], _ layer: Int? = nil
    ) -> StoredParameter {
        StoredParameter(
            name: name, kind: kind, layer: layer, shape: shape,
            pieces: [StoredParameter.Piece(name: name, offset: 0, shape: shape)])
    }

    /// Matrices of several experts in one tensor `[experts, matrices × rows, columns]`.
    private func stacked(
        _ layer: Int, _ name: String, _ matrices: [String], _ shape: [Int], _ experts: Range<Int>
    ) -> StoredParameter {
        let prefix = "model.layers.\(layer).block_sparse_moe.experts."
        var pieces: [StoredParameter.Piece] = []
        for expert in experts {
            for matrix in matrices {
                let offset = pieces.count * shape[0] * shape[1]
                let name = "\(prefix)\(expert).\(matrix).weight"
                pieces.append(StoredParameter.Piece(name: name, offset: offset, shape: shape))
            }
        }
        return StoredParameter(
            name: prefix + name, kind: .experts, layer: layer,
            shape: [experts.count, matrices.count * shape[0], shape[1]], pieces: pieces)
    }
}
