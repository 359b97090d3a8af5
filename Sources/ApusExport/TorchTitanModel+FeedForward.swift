import ApusPlan

extension TorchTitanModel {
    /// What follows the attention of a layer, as arguments of its block.
    var feedForward: [String] {
        let dense = "inner = {\"feed_forward\": \(gated(model.denseHiddenSize))}"
        guard model.hasExperts else { return [dense] }
        let experts = base == .gptOSS ? openExperts : self.experts
        guard !model.denseLayers.isEmpty else { return experts }
        return ["if layer in dense:", "    " + dense, "else:"] + experts.map { "    " + $0 }
    }

    private func gated(_ size: Int) -> String {
        "make_ffn_config(dim=\(model.hiddenSize), hidden_dim=\(size), w1_param_init=init, "
            + "w2w3_param_init=init)"
    }

    /// 0.001 is DeepSeek-V3's step of the bias, and torchtitan's default.
    private var balance: String { "load_balance_coeff=\(followsLoad ? "1e-3" : "None")" }

    private var router: String {
        let usesSigmoid = model.scoresBySigmoid(routing)
        var arguments = [
            "dim=\(model.hiddenSize)", "num_experts=\(model.expertCount)", "gate_param_init=init",
            "top_k=\(model.topK)", "score_func=\"\(usesSigmoid ? "sigmoid" : "softmax")\"",
            "route_norm=\(model.weighsByAllScores ? "False" : "True")",
        ]
        if let factor = model.variation("routed_scaling_factor") {
            arguments.append("route_scale=\(factor)")
        }
        if let groups = model.expertGroups {
            arguments.append("num_expert_groups=\(groups.count)")
            arguments.append("num_limited_groups=\(groups.countPerToken)")
        }
        if model.hasRouterBias { arguments.append("bias=True") }
        return "make_router_config(\(arguments.joined(separator: ", ")))"
    }

    private var experts: [String] {
        let shared = model.sharedExpertHiddenSize
        return [
            "inner = {\"moe\": make_moe_config(",
            "    num_experts=\(model.expertCount), \(balance),",
            "    router=\(router),",
            "    shared_experts=\(shared > 0 ? gated(shared) : "None"),",
            "    routed_experts=make_routed_experts_config(",
            "        dim=\(model.hiddenSize), hidden_dim=\(model.expertHiddenSize), "
                + "num_experts=\(model.expertCount), top_k=\(model.topK),",
            "        param_init={name: init[\"weight\"] for name in "
                + "(\"w1_EFD\", \"w2_EDF\", \"w3_EFD\")},",
            "        comm_backend=\"standard\"))}",
        ]
    }

    private var openExperts: [String] {
        [
            "inner = {\"moe\": GptOssMoE.Config(",
            "    num_experts=\(model.expertCount), \(balance),",
            "    router=\(router),",
            "    routed_experts=_make_gptoss_experts_config(",
            "        dim=\(model.hiddenSize), hidden_dim=\(model.expertHiddenSize), "
                + "num_experts=\(model.expertCount), layer_id=layer,",
            "        top_k=\(model.topK), moe_comm_backend=\"standard\"))}",
        ]
    }
}

extension TorchTitanSettings {
    /// What torchtitan's layers have not.
    mutating func noteModel() {
        let model = job.model
        let family = model.family.rawValue
        let base = TorchTitanModel(model: model, routing: job.routing).base
        func lose(_ isLost: Bool, _ instead: String) {
            notes.lose("model.model_type", family, if: isLost, instead: instead)
        }
        lose(model.norm == .layer, "RMSNorm, a scale without a shift")
        lose(!model.isGated, "gated layers of three matrices, of the same inner size")
        lose(model.learnedPositions != nil, "rotary positions")
        lose(
            base != .gptOSS && (model.hasAttentionOutputBias || model.hasFeedForwardBias),
            "no biases but those of queries, keys and values")
        lose(model.hasSharedExpertGate, "shared experts without a gate")
        lose(
            model.queryKeyNorm == .whole,
            "each head's queries and keys are normalised for themselves, not all heads together")
        lose(base != .gptOSS && model.hasAttentionSinks, "attention without sinks")
        lose(
            base != .gptOSS && model.slidingWindow != nil && !model.windowedLayers.isEmpty,
            "all layers look back to the start")
        var known: Set = ["norm_topk_prob", "routed_scaling_factor"]
        if model.variation("scoring_func") == "sigmoid" { known.insert("scoring_func") }
        if base == .gptOSS { known.insert("swiglu_limit") }
        notes.loseVariations(of: model, except: known)
    }
}
