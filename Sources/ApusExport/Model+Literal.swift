import ApusPlan

extension Model {
    /// The model for code that builds it: keys as in a Hugging Face `config.json` where there are
    /// such, and all that the family's name stands for.
    var literal: Literal {
        var keys: Literal = [
            "model_type": .text(family.rawValue), "num_hidden_layers": .integer(layerCount),
            "hidden_size": .integer(hiddenSize), "num_attention_heads": .integer(headCount),
            "num_key_value_heads": .integer(keyValueHeadCount), "head_dim": .integer(headDim),
            "intermediate_size": .integer(
                denseHiddenSize > 0 ? denseHiddenSize : expertHiddenSize),
            "gated": .flag(isGated), "norm": .text(norm.rawValue),
            "rms_norm_eps": .number(rmsNormEpsilon), "rope_theta": .number(ropeTheta),
            "vocab_size": .integer(vocabularySize), "tie_word_embeddings": .flag(tiesEmbeddings),
            "qkv_bias": .flag(hasQueryKeyValueBias),
            "attention_output_bias": .flag(hasAttentionOutputBias),
            "mlp_bias": .flag(hasFeedForwardBias), "attention_sinks": .flag(hasAttentionSinks),
            "query_key_norm": .text(queryKeyNorm.rawValue),
        ]
        if let learnedPositions { keys.set("n_positions", .integer(learnedPositions)) }
        if let slidingWindow, !windowedLayers.isEmpty {
            keys.set("sliding_window", .integer(slidingWindow))
            keys.set("windowed_layers", .list(windowedLayers.map { .integer($0) }))
        }
        if let latentAttention { keys.add(latentAttention) }
        if hasExperts { addExperts(to: &keys) }
        // As the deployment spells them: the model code reads those it knows.
        for variation in variations { keys.set(variation.key, .text(variation.value)) }
        return keys
    }

    private func addExperts(to keys: inout Literal) {
        keys.set("num_local_experts", .integer(expertCount))
        keys.set("num_experts_per_tok", .integer(topK))
        keys.set("moe_intermediate_size", .integer(expertHiddenSize))
        keys.set("dense_layers", .list(denseLayers.map { .integer($0) }))
        keys.set("router_bias", .flag(hasRouterBias))
        keys.set("selection_bias", .flag(hasSelectionBias))
        if sharedExpertHiddenSize > 0 {
            keys.set("shared_expert_intermediate_size", .integer(sharedExpertHiddenSize))
            keys.set("shared_expert_gate", .flag(hasSharedExpertGate))
        }
        if let expertGroups {
            keys.set("n_group", .integer(expertGroups.count))
            keys.set("topk_group", .integer(expertGroups.countPerToken))
        }
    }
}

extension Literal {
    fileprivate mutating func add(_ latent: Model.LatentAttention) {
        if let rank = latent.queryRank { set("q_lora_rank", .integer(rank)) }
        set("kv_lora_rank", .integer(latent.keyValueRank))
        set("qk_nope_head_dim", .integer(latent.plainHeadDim))
        set("qk_rope_head_dim", .integer(latent.rotaryHeadDim))
        set("v_head_dim", .integer(latent.valueHeadDim))
    }
}
