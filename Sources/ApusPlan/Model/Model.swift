/// A decoder-only transformer, with experts in some of its layers or in none.
///
/// Keys of a file are those of a Hugging Face `config.json`; `family` says whose. A dense model has
/// no experts, and all its layers are dense.
package struct Model: Hashable, Sendable {
    /// The architecture that a `config.json` names in `model_type`.
    package enum Family: String, Hashable, Sendable, CaseIterable {
        case mixtral
        case qwen2MoE = "qwen2_moe"
        case qwen3MoE = "qwen3_moe"
        case olmoe
        case deepSeekV2 = "deepseek_v2"
        case deepSeekV3 = "deepseek_v3"
        case gptOSS = "gpt_oss"
        case llama
        case gpt2
    }

    /// Attention whose keys and values are expanded from one narrow vector per token.
    ///
    /// Source: DeepSeek-AI 2024, "DeepSeek-V2", §2.1, multi-head latent attention.
    package struct LatentAttention: Hashable, Sendable {
        /// The width of the compressed queries; `nil` where queries are not compressed.
        package var queryRank: Int?
        /// The width of the compressed keys and values.
        package var keyValueRank: Int
        /// The part of a head's query and key that position does not turn.
        package var plainHeadDim: Int
        /// The part that position turns; all heads share that part of the key.
        package var rotaryHeadDim: Int
        package var valueHeadDim: Int

        package init(
            queryRank: Int?, keyValueRank: Int, plainHeadDim: Int, rotaryHeadDim: Int,
            valueHeadDim: Int
        ) {
            self.queryRank = queryRank
            self.keyValueRank = keyValueRank
            self.plainHeadDim = plainHeadDim
            self.rotaryHeadDim = rotaryHeadDim
            self.valueHeadDim = valueHeadDim
        }

        package var queryHeadDim: Int { plainHeadDim + rotaryHeadDim }
    }

    /// Groups of experts, next to each other, of which each token uses a few.
    ///
    /// A group is meant to lie on one node, so that a token travels to few nodes.
    /// Source: DeepSeek-AI 2024, "DeepSeek-V2", §2.2.2, device-limited routing.
    package struct ExpertGroups: Hashable, Sendable {
        package var count: Int
        package var countPerToken: Int

        package init(count: Int, countPerToken: Int) {
            self.count = count
            self.countPerToken = countPerToken
        }
    }

    package enum Norm: String, Hashable, Sendable, CaseIterable {
        /// A scale.
        case rms
        /// A scale and a shift.
        case layer
    }

    /// Norms of queries and keys before attention.
    package enum QueryKeyNorm: String, Hashable, Sendable, CaseIterable {
        case none
        /// One scale per head's number, shared by the heads (Qwen3).
        case perHead
        /// One scale over all heads together (OLMoE).
        case whole
    }

    package var family = Family.mixtral
    package var layerCount: Int
    package var hiddenSize: Int
    package var headCount: Int
    package var keyValueHeadCount: Int
    package var headDim: Int
    package var latentAttention: LatentAttention?
    /// Whether the projections to queries, keys and values have a bias.
    package var hasQueryKeyValueBias = false
    /// Whether the projection after attention has a bias.
    package var hasAttentionOutputBias = false
    package var queryKeyNorm = QueryKeyNorm.none
    /// Whether each head has a learned logit that takes attention away from all tokens (GPT-OSS).
    package var hasAttentionSinks = false
    /// How far back the layers of `windowedLayers` look, in tokens; the others look back to the
    /// start, and so do all of them where this is `nil`.
    package var slidingWindow: Int?
    /// Layers that look back no further than `slidingWindow`, ascending.
    package var windowedLayers: [Int] = []
    package var norm = Norm.rms
    /// Positions that have a learned embedding; `nil` where attention turns by position instead.
    package var learnedPositions: Int?

    /// Experts of a layer that has any; 0 in a dense model.
    package var expertCount: Int
    package var topK: Int
    /// The inner size of one expert.
    package var expertHiddenSize: Int
    /// The inner size of all experts together that every token passes; 0 where there is none.
    package var sharedExpertHiddenSize = 0
    /// Whether a learned gate scales the shared experts (Qwen2-MoE).
    package var hasSharedExpertGate = false
    package var hasRouterBias = false
    /// Whether experts are selected by scores plus a bias that is no weight of the gradient
    /// (DeepSeek-V3).
    package var hasSelectionBias = false
    /// Where a token's experts must lie; `nil` where they may lie anywhere (DeepSeek-V2, V3).
    package var expertGroups: ExpertGroups?
    /// Layers without experts, ascending; all layers of a dense model.
    package var denseLayers: [Int] = []
    /// The inner size of a dense layer.
    package var denseHiddenSize = 0
    /// Whether dense layers and experts have a gate: three matrices instead of two.
    package var isGated = true
    /// Whether the matrices of dense layers and experts have biases.
    package var hasFeedForwardBias = false

    package var vocabularySize: Int
    package var tiesEmbeddings: Bool
    package var rmsNormEpsilon: Double
    package var ropeTheta: Double
    /// What else a file says about the arithmetic, which counts and costs do not depend on.
    package var variations: [ModelVariation] = []

    package init(
        layerCount: Int, hiddenSize: Int, headCount: Int, keyValueHeadCount: Int, headDim: Int,
        expertCount: Int, topK: Int, expertHiddenSize: Int, vocabularySize: Int,
        tiesEmbeddings: Bool, rmsNormEpsilon: Double = 1e-5, ropeTheta: Double = 1e6
    ) {
        self.layerCount = layerCount
        self.hiddenSize = hiddenSize
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDim = headDim
        self.expertCount = expertCount
        self.topK = topK
        self.expertHiddenSize = expertHiddenSize
        self.vocabularySize = vocabularySize
        self.tiesEmbeddings = tiesEmbeddings
        self.rmsNormEpsilon = rmsNormEpsilon
        self.ropeTheta = ropeTheta
    }

    package var hasExperts: Bool { expertCount > 0 }
    package func isDense(_ layer: Int) -> Bool { !hasExperts || denseLayers.contains(layer) }
    /// Layers that have experts.
    package var expertLayerCount: Int { hasExperts ? layerCount - denseLayers.count : 0 }
    package var denseLayerCount: Int { layerCount - expertLayerCount }
    /// How far back a layer looks, in tokens; `nil` where it looks back to the start.
    package func window(ofLayer layer: Int) -> Int? {
        windowedLayers.contains(layer) ? slidingWindow : nil
    }
}
