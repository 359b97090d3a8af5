/// What forward computes for one token, by part.
///
/// Counted are matrix products, two operations for each multiplication with an addition: no norms,
/// activations or softmax, and no look-up of the embedding.
package struct TokenFLOPs: Hashable, Sendable {
    /// Projections, and the products of queries with keys and of weights with values.
    package var attention = 0.0
    /// The part of `attention` that no weight takes part in, which grows with the sequence.
    package var attentionScores = 0.0
    /// The experts chosen for the token.
    package var experts = 0.0
    package var shared = 0.0
    package var dense = 0.0
    package var router = 0.0
    package var head = 0.0

    package init() {}

    package var total: Double { attention + experts + shared + dense + router + head }
}

extension Model {
    /// The FLOPs of forward for one token of a sequence of `length` tokens, on average.
    ///
    /// Causal attention is counted half: a token looks back over half of the sequence on average.
    package func forwardFLOPsPerToken(length: Int) -> TokenFLOPs {
        var result = TokenFLOPs()
        let windowed = min(layerCount, slidingWindow == nil ? 0 : windowedLayers.count)
        let seen =
            Double(layerCount - windowed) * Self.tokensSeen(length: length, window: nil)
            + Double(windowed) * Self.tokensSeen(length: length, window: slidingWindow)
        let experts = Double(expertLayerCount)
        result.attentionScores = 2 * seen * Double(queryWidth + attendedWidth)
        result.attention =
            result.attentionScores + 2 * Double(layerCount) * Double(attentionMatrixElements)
        result.experts =
            2 * experts * Double(topK) * Double(feedForwardMatrixElements(expertHiddenSize))
        let gate = hasSharedExpertGate ? hiddenSize : 0
        result.shared =
            2 * experts * Double(feedForwardMatrixElements(sharedExpertHiddenSize) + gate)
        result.dense =
            2 * Double(denseLayerCount) * Double(feedForwardMatrixElements(denseHiddenSize))
        result.router = 2 * experts * Double(expertCount) * Double(hiddenSize)
        result.head = 2 * Double(vocabularySize) * Double(hiddenSize)
        return result
    }

    /// The FLOPs of training for one token: forward, and twice that in backward.
    ///
    /// Full recomputation runs forward once more. Selective recomputation runs only attention once
    /// more, without its projections.
    package func trainingFLOPsPerToken(
        length: Int, recompute: Plan.Recompute = .none
    ) -> Double {
        let forward = forwardFLOPsPerToken(length: length)
        switch recompute {
        case .none: return 3 * forward.total
        case .selective: return 3 * forward.total + forward.attentionScores
        case .full: return 4 * forward.total
        }
    }

    /// How many tokens one looks back to, on average over a sequence.
    ///
    /// That is half the sequence; with a window shorter than the sequence, it is half the window
    /// for the first `window` tokens and the whole window for the others.
    static func tokensSeen(length: Int, window: Int?) -> Double {
        let length = Double(length)
        guard let window = window.map(Double.init), window < length else { return length / 2 }
        return window - window * window / (2 * length)
    }
}
