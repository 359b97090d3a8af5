/// How many weights the parts of one layer have.
package struct LayerParameters: Hashable, Sendable {
    /// The projections of attention, with their biases and sinks.
    package var attention = 0
    /// The norms of the layer, those inside attention included.
    package var norms = 0
    /// The router with its biases; 0 in a dense layer, like the experts.
    package var router = 0
    /// One expert of those that the router chooses from.
    package var expert = 0
    /// The experts that every token passes, with their gate.
    package var shared = 0
    /// The feed-forward part of a dense layer; 0 in a layer with experts.
    package var dense = 0

    package init() {}

    /// All of the layer with so many of its experts.
    package func total(experts: Int) -> Int {
        attention + norms + router + experts * expert + shared + dense
    }
}

extension Model {
    /// The weights of one layer, in closed form.
    package func layerParameters(_ layer: Int) -> LayerParameters {
        layerParameters(isDense: isDense(layer))
    }

    /// The weights of any dense layer, or of any layer with experts.
    package func layerParameters(isDense: Bool) -> LayerParameters {
        var result = LayerParameters()
        result.attention = attentionMatrixElements + attentionVectorElements
        result.norms = 2 * normElements + queryKeyNormElements
        if isDense {
            result.dense = feedForwardElements(denseHiddenSize)
        } else {
            result.router =
                expertCount * hiddenSize + (hasRouterBias ? expertCount : 0)
                + (hasSelectionBias ? expertCount : 0)
            result.expert = feedForwardElements(expertHiddenSize)
            result.shared =
                feedForwardElements(sharedExpertHiddenSize)
                + (hasSharedExpertGate ? hiddenSize : 0)
        }
        return result
    }

    /// The width of all query heads together.
    package var queryWidth: Int { headCount * (latentAttention?.queryHeadDim ?? headDim) }
    /// The width of all keys, and of all values; without meaning where `latentAttention` is.
    package var keyValueWidth: Int { keyValueHeadCount * headDim }
    /// The width of what attention gives for all heads together.
    package var attendedWidth: Int { headCount * (latentAttention?.valueHeadDim ?? headDim) }

    /// Elements of the matrices with which a layer's attention multiplies each token.
    package var attentionMatrixElements: Int {
        let output = attendedWidth * hiddenSize
        guard let latent = latentAttention else {
            return hiddenSize * (queryWidth + 2 * keyValueWidth) + output
        }
        let queries =
            latent.queryRank.map { $0 * (hiddenSize + queryWidth) } ?? hiddenSize * queryWidth
        let keysAndValues =
            hiddenSize * (latent.keyValueRank + latent.rotaryHeadDim)
            + latent.keyValueRank * headCount * (latent.plainHeadDim + latent.valueHeadDim)
        return queries + keysAndValues + output
    }

    /// Elements of attention's biases and sinks.
    ///
    /// With latent attention only the projections to the compressed vectors have a bias.
    private var attentionVectorElements: Int {
        var inputs = queryWidth + 2 * keyValueWidth
        if let latent = latentAttention {
            inputs = (latent.queryRank ?? 0) + latent.keyValueRank + latent.rotaryHeadDim
        }
        return (hasQueryKeyValueBias ? inputs : 0) + (hasAttentionOutputBias ? hiddenSize : 0)
            + (hasAttentionSinks ? headCount : 0)
    }

    /// Elements of one norm over the hidden size.
    package var normElements: Int {
        switch norm {
        case .rms: hiddenSize
        case .layer: 2 * hiddenSize
        }
    }

    /// Elements of the norms inside attention, of the compressed vectors too.
    private var queryKeyNormElements: Int {
        let compressed = latentAttention.map { ($0.queryRank ?? 0) + $0.keyValueRank } ?? 0
        switch queryKeyNorm {
        case .none: return compressed
        case .perHead: return compressed + 2 * headDim
        case .whole: return compressed + queryWidth + keyValueWidth
        }
    }

    /// Elements of the matrices of a feed-forward part of inner size `width`.
    package func feedForwardMatrixElements(_ width: Int) -> Int {
        (isGated ? 3 : 2) * hiddenSize * width
    }

    /// Elements of a feed-forward part of inner size `width`, with its biases where it exists.
    private func feedForwardElements(_ width: Int) -> Int {
        let biases = hasFeedForwardBias && width > 0 ? (isGated ? 2 : 1) * width + hiddenSize : 0
        return feedForwardMatrixElements(width) + biases
    }
}
