/// What a family calls the dimensions of a model in its `config.json`.
struct ModelKeys: Sendable {
    var layers = "num_hidden_layers"
    var hidden = "hidden_size"
    var heads = "num_attention_heads"
    /// `nil` where every head has keys and values of its own.
    var keyValueHeads: String? = "num_key_value_heads"
    /// `nil` in a family of dense models.
    var experts: String?
    /// The inner size of one expert.
    var expertHidden = "moe_intermediate_size"
    /// The inner size of a dense layer, in a family that may have any.
    var denseHidden: String?
    var normEpsilon = "rms_norm_eps"
    /// `nil` in a family without rotary attention.
    var ropeTheta: String? = "rope_theta"
    /// Other names for these keys, which newer or older files use.
    var aliases: [String: String] = [:]

    /// The number of experts that a token chooses.
    static let topK = "num_experts_per_tok"
}

extension Model.Family {
    /// Source: the configuration classes of Hugging Face transformers 4.57 and 5, and their
    /// attribute maps.
    var keys: ModelKeys {
        switch self {
        case .mixtral, .gptOSS:
            ModelKeys(
                experts: "num_local_experts", expertHidden: "intermediate_size",
                aliases: ["num_experts": "num_local_experts"])
        case .qwen2MoE, .qwen3MoE:
            ModelKeys(
                experts: "num_experts", denseHidden: "intermediate_size",
                aliases: ["num_local_experts": "num_experts"])
        case .olmoe:
            ModelKeys(
                experts: "num_experts", expertHidden: "intermediate_size",
                aliases: ["num_local_experts": "num_experts"])
        case .deepSeekV2, .deepSeekV3:
            ModelKeys(
                experts: "n_routed_experts", denseHidden: "intermediate_size",
                aliases: [
                    "num_experts": "n_routed_experts", "num_local_experts": "n_routed_experts",
                ])
        case .llama:
            ModelKeys(denseHidden: "intermediate_size")
        case .gpt2:
            ModelKeys(
                layers: "n_layer", hidden: "n_embd", heads: "n_head", keyValueHeads: nil,
                denseHidden: "n_inner", normEpsilon: "layer_norm_epsilon", ropeTheta: nil,
                aliases: [
                    "num_hidden_layers": "n_layer", "hidden_size": "n_embd",
                    "num_attention_heads": "n_head", "max_position_embeddings": "n_positions",
                ])
        }
    }

    /// What stands for keys that a file leaves out, from the configuration classes as well.
    var defaults: (normEpsilon: Double, ropeTheta: Double) {
        switch self {
        case .mixtral: (1e-5, 1e6)
        case .qwen2MoE, .qwen3MoE, .deepSeekV2, .deepSeekV3, .llama: (1e-6, 1e4)
        case .olmoe: (1e-5, 1e4)
        case .gptOSS: (1e-5, 1.5e5)
        // Attention does not turn by position: the base is without meaning.
        case .gpt2: (1e-5, 1e6)
        }
    }
}
