/// A key of a `config.json` that changes how a model computes, but not its counts or its costs.
///
/// Planning passes over it; training does not, because it would train another model.
package struct ModelVariation: Hashable, Sendable {
    package var key: String
    /// The value as one line of YAML.
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

extension ModelVariation {
    /// The keys that are kept, in order of use, each with the values that change nothing.
    ///
    /// `null` never changes anything, and neither does `rope_parameters` of the type `default`.
    static let plainValues: [(key: String, values: [String])] = [
        ("hidden_act", ["silu", "swish"]),
        ("activation_function", []),
        ("swiglu_limit", []),
        ("swiglu_alpha", []),
        ("clip_qkv", []),
        ("attention_bias", ["false"]),
        ("mlp_bias", ["false"]),
        ("rope_scaling", []),
        ("rope_parameters", []),
        ("partial_rotary_factor", ["1", "1.0"]),
        ("scale_attn_weights", ["true"]),
        ("scale_attn_by_inverse_layer_idx", ["false"]),
        ("scoring_func", ["softmax"]),
        ("norm_topk_prob", ["true"]),
        ("routed_scaling_factor", ["1", "1.0"]),
        ("router_jitter_noise", ["0", "0.0"]),
        ("attention_dropout", ["0", "0.0"]),
        ("attn_pdrop", ["0", "0.0"]),
        ("embd_pdrop", ["0", "0.0"]),
        ("resid_pdrop", ["0", "0.0"]),
        ("quantization_config", []),
        ("compression_config", []),
    ]

    static let keys = plainValues.map(\.key)

    /// What the runtime computes whatever the key says.
    package var expected: String {
        if key == "rope_parameters" { return "`rope_type` `default`" }
        let values = Self.plainValues.first { $0.key == key }?.values ?? []
        return values.first.map { "`\($0)`" } ?? "null"
    }
}
