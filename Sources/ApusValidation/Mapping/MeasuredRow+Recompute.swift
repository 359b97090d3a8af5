import ApusCost
import ApusPlan

extension MeasuredRow {
    /// What is recomputed, as the row says or as the recipe that it refers to does.
    private var recomputeText: String {
        let text = self[.recompute].lowercased()
        guard text.hasPrefix("recipe-dependent") else { return text }
        return BridgeRecipe(self)?.recompute ?? ""
    }

    /// The mode; a list of modules is selective, and `recomputedModules` says which.
    func mappedRecompute() throws(Unscored) -> Plan.Recompute {
        let text = recomputeText
        if text.isEmpty { throw Unscored("`recompute` not published") }
        if text.hasPrefix("none") { return .none }
        if text.hasPrefix("full") { return .full }
        return .selective
    }

    /// The modules that selective recomputation computes again.
    var recomputedModules: RecomputedModules {
        let words = recomputeText.split { !$0.isLetter && $0 != "_" && $0 != "-" }.map(String.init)
        let modules: [String: RecomputedModules] = [
            "core_attn": .coreAttention, "attention": .coreAttention, "norm": .norms,
            "layernorm": .norms, "rmsnorm": .norms, "mla_up_proj": .latentExpansion,
            "up_proj": .latentExpansion, "up-projection": .latentExpansion, "mlp": .feedForward,
            "act": .expertActivation, "moe_act": .expertActivation, "moe": .experts,
            "shared_expert": .sharedExperts, "shared_experts": .sharedExperts,
        ]
        let named = words.compactMap { modules[$0] }.reduce(into: RecomputedModules()) {
            $0.formUnion($1)
        }
        return named.isEmpty ? .coreAttention : named
    }
}
