/// The keys of a model, which a model section and a Hugging Face `config.json` share.
///
/// `docs/models.md` shows them by family.
/// With these limits a model has fewer than 2⁵⁸ weights: 2¹⁰ layers of 2¹² experts of 3 matrices of
/// 2¹⁶ × 2¹⁸, and all its other parts are smaller by far.
extension FileSchema {
    /// The keys of a model section, the path of a `config.json` in place of all others included.
    static func model(_ family: Model.Family) -> [Field] {
        [Field("config", .text)] + architecture(family)
    }

    /// Every key that changes the model, in order of use.
    static func architecture(_ family: Model.Family) -> [Field] {
        let fields = dimensions(family)
        let known = Set(fields.map(\.key))
        return fields
            + ModelVariation.keys.filter { !known.contains($0) }.map { Field($0, .anything) }
    }

    /// The keys that counts and costs depend on.
    private static func dimensions(_ family: Model.Family) -> [Field] {
        let keys = family.keys
        var fields = [
            Field("model_type", .text),
            Field(keys.layers, .integer(layers)),
            Field(keys.hidden, .integer(1...65_536)),
            Field(keys.heads, .integer(1...4096)),
        ]
        switch family {
        case .mixtral, .qwen2MoE, .qwen3MoE, .olmoe, .gptOSS, .llama:
            fields.append(Field("num_key_value_heads", .integer(1...4096)))
            fields.append(Field("head_dim", .integer(1...4096)))
        case .deepSeekV2, .deepSeekV3:
            fields.append(Field("num_key_value_heads", .integer(1...4096)))
            fields += latentAttention
        case .gpt2:
            fields.append(Field("n_positions", .integer(sequenceLength)))
        }
        if let experts = keys.experts {
            fields += [
                Field(experts, .integer(1...4096)),
                Field(ModelKeys.topK, .integer(1...4096)),
                Field(keys.expertHidden, .integer(innerSize)),
            ]
        }
        if let dense = keys.denseHidden { fields.append(Field(dense, .integer(innerSize))) }
        fields += special(family)
        fields += [
            Field("vocab_size", .integer(1...4_194_304)),
            Field("tie_word_embeddings", .flag),
            Field(keys.normEpsilon, .number(0...1)),
        ]
        return fields + (keys.ropeTheta.map { [Field($0, .number(1...1e12))] } ?? [])
    }

    /// What only some families have.
    private static func special(_ family: Model.Family) -> [Field] {
        switch family {
        case .mixtral:
            [slidingWindow]
        case .qwen2MoE:
            sparseSteps + [
                Field("shared_expert_intermediate_size", .integer(innerSize)),
                Field("qkv_bias", .flag), Field("use_sliding_window", .flag), slidingWindow,
                Field("max_window_layers", .integer(0...1024)), layerTypes,
            ]
        case .qwen3MoE:
            sparseSteps + [
                Field("attention_bias", .flag), Field("use_sliding_window", .flag), slidingWindow,
            ]
        case .olmoe:
            [Field("attention_bias", .flag)]
        case .deepSeekV2, .deepSeekV3:
            [
                Field("n_shared_experts", .integer(0...256)),
                Field("first_k_dense_replace", .integer(0...1024)),
                Field("moe_layer_freq", .integer(layers)),
                Field("n_group", .integer(1...4096)),
                Field("topk_group", .integer(1...4096)),
                Field("topk_method", .choice),
                Field("attention_bias", .flag), Field("mlp_bias", .flag),
            ]
        case .gptOSS:
            [Field("attention_bias", .flag), slidingWindow, layerTypes]
        case .llama:
            [Field("attention_bias", .flag), Field("mlp_bias", .flag)]
        case .gpt2:
            []
        }
    }

    private static let layers = 1...1024
    private static let innerSize = 1...262_144
    private static let slidingWindow = Field("sliding_window", .integer(0...1_073_741_824))
    private static let layerTypes = Field("layer_types", .texts(countMax: 1024))
    private static let sparseSteps = [
        Field("decoder_sparse_step", .integer(layers)),
        Field("mlp_only_layers", .integers(0...1023, countMax: 1024)),
    ]
    private static let latentAttention = [
        Field("q_lora_rank", .integer(1...65_536)),
        Field("kv_lora_rank", .integer(1...65_536)),
        Field("qk_nope_head_dim", .integer(1...4096)),
        Field("qk_rope_head_dim", .integer(1...4096)),
        Field("v_head_dim", .integer(1...4096)),
    ]
}
