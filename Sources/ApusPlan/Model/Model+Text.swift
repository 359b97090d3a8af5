extension Model {
    /// The model as the section of a deployment file, in the keys of its family.
    var lines: [String] {
        let keys = family.keys
        var pairs: [(String, String)] = [
            ("model_type", family.rawValue),
            (keys.layers, "\(layerCount)"),
            (keys.hidden, "\(hiddenSize)"),
            (keys.heads, "\(headCount)"),
        ]
        if let key = keys.keyValueHeads { pairs.append((key, "\(keyValueHeadCount)")) }
        pairs += attentionPairs
        if let key = keys.experts {
            pairs += [
                (key, "\(expertCount)"), (ModelKeys.topK, "\(topK)"),
                (keys.expertHidden, "\(expertHiddenSize)"),
            ]
        }
        if let key = keys.denseHidden, denseHiddenSize > 0 {
            pairs.append((key, "\(denseHiddenSize)"))
        }
        pairs += specialPairs
        pairs += [
            ("vocab_size", "\(vocabularySize)"),
            ("tie_word_embeddings", "\(tiesEmbeddings)"),
            (keys.normEpsilon, plain(rmsNormEpsilon)),
        ]
        if let key = keys.ropeTheta { pairs.append((key, plain(ropeTheta))) }
        pairs += variations.map { ($0.key, $0.value) }
        return ["model:"] + pairs.map { "  \($0.0): \($0.1)" }
    }

    private var attentionPairs: [(String, String)] {
        switch family {
        case .mixtral, .qwen2MoE, .qwen3MoE, .olmoe, .gptOSS, .llama:
            return [("head_dim", "\(headDim)")]
        case .deepSeekV2, .deepSeekV3:
            guard let latent = latentAttention else { return [] }
            return [
                ("q_lora_rank", latent.queryRank.map(String.init) ?? "null"),
                ("kv_lora_rank", "\(latent.keyValueRank)"),
                ("qk_nope_head_dim", "\(latent.plainHeadDim)"),
                ("qk_rope_head_dim", "\(latent.rotaryHeadDim)"),
                ("v_head_dim", "\(latent.valueHeadDim)"),
            ]
        case .gpt2:
            return [("n_positions", "\(learnedPositions ?? 1)")]
        }
    }

    private var specialPairs: [(String, String)] {
        switch family {
        case .mixtral, .gpt2:
            windowPairs
        case .qwen2MoE:
            [
                ("shared_expert_intermediate_size", "\(sharedExpertHiddenSize)"),
                ("qkv_bias", "\(hasQueryKeyValueBias)"),
            ] + sparsePairs + windowPairs
        case .qwen3MoE:
            [attentionBiasPair] + sparsePairs + windowPairs
        case .olmoe:
            [attentionBiasPair]
        case .deepSeekV2, .deepSeekV3:
            deepSeekPairs
        case .gptOSS:
            [attentionBiasPair] + windowPairs
        case .llama:
            [attentionBiasPair, ("mlp_bias", "\(hasFeedForwardBias)")]
        }
    }

    private var attentionBiasPair: (String, String) {
        ("attention_bias", "\(hasQueryKeyValueBias)")
    }

    private var sparsePairs: [(String, String)] {
        denseLayers.isEmpty ? [] : [("mlp_only_layers", list(denseLayers.map(String.init)))]
    }

    private var windowPairs: [(String, String)] {
        guard let slidingWindow else { return [] }
        var pairs = [("sliding_window", "\(slidingWindow)")]
        if family == .qwen2MoE || family == .qwen3MoE {
            pairs.insert(("use_sliding_window", "true"), at: 0)
        }
        if family == .qwen2MoE || family == .gptOSS {
            let types = (0..<layerCount).map { layer -> LayerType in
                windowedLayers.contains(layer) ? .sliding : .full
            }
            pairs.append(("layer_types", list(types.map(\.rawValue))))
        }
        return pairs
    }

    private var deepSeekPairs: [(String, String)] {
        var method = ExpertChoice.greedy
        if expertGroups != nil { method = .groupLimited }
        if hasSelectionBias { method = .biased }
        var pairs = [
            ("n_shared_experts", "\(sharedExpertHiddenSize / expertHiddenSize)"),
            ("first_k_dense_replace", "\(firstExpertLayer)"),
            ("moe_layer_freq", "\(expertLayerFrequency)"),
            ("topk_method", method.rawValue),
        ]
        if let expertGroups {
            pairs += [
                ("n_group", "\(expertGroups.count)"),
                ("topk_group", "\(expertGroups.countPerToken)"),
            ]
        }
        return pairs + [attentionBiasPair, ("mlp_bias", "\(hasFeedForwardBias)")]
    }

    private var firstExpertLayer: Int {
        (0..<layerCount).first { !denseLayers.contains($0) } ?? layerCount
    }

    /// The step at which layers have experts from the first such layer on.
    private var expertLayerFrequency: Int {
        let first = firstExpertLayer
        let steps = 1...max(1, layerCount)
        return steps.first { step in
            (first..<layerCount).allSatisfy {
                denseLayers.contains($0) != $0.isMultiple(of: step)
            }
        } ?? 1
    }
}
