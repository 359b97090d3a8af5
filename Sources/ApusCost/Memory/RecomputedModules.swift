/// The parts of a layer whose activations are dropped after forward and computed again in backward.
///
/// These are the modules that Megatron-Core's `--recompute-modules` names.
package struct RecomputedModules: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Scores, softmax and the product with values (`core_attn`).
    package static let coreAttention = RecomputedModules(rawValue: 1 << 0)
    /// The outputs of both norms of the layer (`layernorm`).
    package static let norms = RecomputedModules(rawValue: 1 << 1)
    /// Latent attention's expansion to queries, keys and values (`mla_up_proj`).
    package static let latentExpansion = RecomputedModules(rawValue: 1 << 2)
    /// The whole feed-forward part of a dense layer (`mlp`).
    package static let feedForward = RecomputedModules(rawValue: 1 << 3)
    /// The activation function of experts (`moe_act`).
    package static let expertActivation = RecomputedModules(rawValue: 1 << 4)
    /// The whole feed-forward part of a layer with experts, router included (`moe`).
    package static let experts = RecomputedModules(rawValue: 1 << 5)
    /// The shared experts (`shared_experts`).
    package static let sharedExperts = RecomputedModules(rawValue: 1 << 6)
}
