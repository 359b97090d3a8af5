import ApusBase
import ApusPlan

/// The planned bytes of values, under balanced routing.
///
/// A state's size counts the tensors that the backward of its island reads. Each is stored once,
/// also where two operations save it.
extension StageContext {
    private var tokens: Int { shape.localTokens }
    private var element: Int { shape.precision.byteCount }
    private var assignments: Int { tokens * model.topK }

    /// `[tokens, hidden]`.
    var hiddenSize: Bytes { Bytes(tokens * model.hiddenSize * element) }
    /// `[tokens, hidden]` with the tokens of all ranks that share a slice.
    var gatheredSize: Bytes { shape.tensorParallel * hiddenSize }
    /// `[tokens × topK, hidden]`: before dispatch, and after it when experts are in balance.
    var rowsSize: Bytes { Bytes(assignments * model.hiddenSize * element) }
    /// `[tokens, topK]`, in FP32.
    var weightsSize: Bytes { Bytes(assignments * 4) }
    /// Chosen experts and the order of rows, both `[tokens × topK]` as 64-bit indices.
    var routingSize: Bytes { Bytes(2 * assignments * 8) }
    /// One 64-bit count for each expert.
    var countsSize: Bytes { Bytes(model.expertCount * 8) }

    func stateSize(_ island: Island) -> Bytes {
        switch island {
        case .embedding:
            return Bytes(tokens * 8)
        case .attention:
            let first = stateSize(.norm(layer: 0)) + headsSize
            return first + stateSize(.router(layer: island.layer ?? 0))
        case .norm:
            return Bytes(2 * tokens * model.hiddenSize * element + tokens * 4)
        case .heads:
            return gatheredSize + headsSize
        case .router(let layer) where parts.isDense(layer):
            return stateSize(.norm(layer: layer))
        case .router:
            let scores = tokens * model.expertCount * 4 + 3 * assignments * 4 + assignments * 8
            return stateSize(.norm(layer: 0)) + Bytes(scores)
        case .experts:
            let inner = model.hiddenSize + 3 * model.expertHiddenSize
            return Bytes(assignments * inner * element) + sortedRowsSize
        case .feedForward(let layer):
            let width = feedForwardWidth(layer)
            let inner = model.hiddenSize + (model.isGated ? 3 : 2) * width
            return Bytes(gatheredTokens * inner * element)
        case .residual(let layer):
            return parts.isDense(layer) ? .zero : rowsSize + weightsSize
        case .head:
            // The norm's input and output, their gradient, and for the weight's gradient the
            // smaller of the scores' gradient and the finished sum.
            let kept = model.vocabularySize * min(tokens, model.hiddenSize)
            return Bytes((3 * tokens * model.hiddenSize + kept) * element + tokens * 4)
        }
    }

    /// What experts keep of rows that several ranks sent, beside those in the order of experts: the
    /// rows as they arrived, whose gradient is asked for, and both orders as 64-bit indices.
    private var sortedRowsSize: Bytes {
        mesh.degrees.expert > 1 ? rowsSize + Bytes(2 * assignments * 8) : .zero
    }

    /// What a split backward keeps: the inputs of each product with a weight, and the gradients of
    /// its outputs.
    func factorsSize(_ island: Island) -> Bytes {
        switch island {
        case .embedding, .norm, .residual:
            return .zero
        case .attention:
            return headsFactors(of: tokens) + factorsSize(.router(layer: island.layer ?? 0))
        case .heads:
            return headsFactors(of: gatheredTokens)
        case .router(let layer) where parts.isDense(layer):
            return .zero
        case .router:
            return Bytes(tokens * (model.hiddenSize + model.expertCount) * element)
        case .experts:
            let inner = 2 * model.hiddenSize + 3 * model.expertHiddenSize
            return Bytes(assignments * inner * element)
        case .feedForward(let layer):
            let inner = 2 * model.hiddenSize + (model.isGated ? 3 : 2) * feedForwardWidth(layer)
            return Bytes(gatheredTokens * inner * element)
        case .head:
            return stateSize(.head) - hiddenSize
        }
    }

    /// Normed states, what attention mixed, and the gradients of the four projections' outputs, of
    /// this rank's heads.
    private func headsFactors(of tokens: Int) -> Bytes {
        let heads = headsWidth / shape.tensorParallel
        return Bytes(tokens * (2 * model.hiddenSize + heads) * element)
    }

    private var gatheredTokens: Int { tokens * shape.tensorParallel }

    /// The hidden width of a dense layer's feed-forward or of the shared experts, on one rank.
    private func feedForwardWidth(_ layer: Int) -> Int {
        let width = parts.isDense(layer) ? model.denseHiddenSize : model.sharedExpertHiddenSize
        return width / shape.tensorParallel
    }

    /// Numbers of one token in queries, keys, values and the output of attention, and in latents
    /// where the model has them.
    private var headsWidth: Int {
        guard let latent = model.latentAttention else {
            return 2 * model.queryWidth + 2 * model.keyValueWidth
        }
        let heads = 2 * model.headCount * (latent.queryHeadDim + latent.valueHeadDim)
        return heads + 2 * ((latent.queryRank ?? 0) + latent.keyValueRank)
    }

    /// Queries, keys, values and the output of attention, and one log-sum-exp for each head.
    ///
    /// A rank
    /// of a slice group holds its slice of the heads for the tokens of the whole group.
    private var headsSize: Bytes {
        Bytes(tokens * (headsWidth * element + model.headCount * 4))
    }
}
