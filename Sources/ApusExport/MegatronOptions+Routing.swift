import ApusPlan

extension MegatronOptions {
    mutating func writeExperts() {
        let model = job.model
        experts.add("--num-experts", model.expertCount)
        experts.add("--moe-ffn-hidden-size", model.expertHiddenSize)
        experts.add("--moe-router-topk", model.topK)
        if !model.denseLayers.isEmpty {
            let pattern = (0..<model.layerCount).map { model.isDense($0) ? 0 : 1 }
            experts.add("--moe-layer-freq", runLengths(pattern))
        }
        if model.sharedExpertHiddenSize > 0 {
            experts.add("--moe-shared-expert-intermediate-size", model.sharedExpertHiddenSize)
            experts.add("--moe-shared-expert-gate", if: model.hasSharedExpertGate)
        }
        experts.add("--moe-grouped-gemm")
        experts.add("--moe-token-dispatcher-type", "alltoall")
    }

    /// How tokens choose their experts, and what keeps the experts' loads alike.
    mutating func writeGate() {
        let routing = job.routing
        let gate = routing.gate.rawValue
        let plainGate = "the experts of the largest scores, without noise"
        switch routing.gate {
        case .softmaxTopK, .switchTop1: break
        case .noisyTopK:
            notes.lose(
                "routing.gate", gate,
                instead: plainGate + "; `--moe-input-jitter-eps` would scale the router's inputs "
                    + "by uniform noise, which is another thing")
            noteNoise()
        case .learnedNoisyTopK:
            notes.lose("routing.gate", gate, instead: plainGate)
            noteNoise()
        case .gshardTop2:
            notes.lose(
                "routing.gate", gate,
                instead: "each token goes to its second expert, however small the score")
        case .sigmoidBias: break
        case .groupLimited:
            notes.lose(
                "routing.gate", gate, if: job.model.expertGroups == nil,
                instead: "experts of all groups, as the model names no groups")
        case .expertChoice:
            notes.lose("routing.gate", gate, instead: "tokens choose experts, not experts tokens")
        }
        writeScores()
        let usesLoss = routing.balanceLoss > 0
        experts.add("--moe-router-load-balancing-type", usesLoss ? "aux_loss" : "none")
        if usesLoss { experts.add("--moe-aux-loss-coeff", plain(routing.balanceLoss)) }
    }

    private mutating func noteNoise() {
        let deviation = job.routing.noiseStandardDeviation
        notes.lose("routing.noise_std", plain(deviation), if: deviation > 0, instead: "no noise")
    }

    private mutating func writeScores() {
        let model = job.model
        if model.scoresBySigmoid(job.routing) {
            experts.add("--moe-router-score-function", "sigmoid")
            experts.add("--moe-router-enable-expert-bias", if: model.movesBias(job.routing))
            experts.add("--moe-router-dtype", "fp32")
            notes.lose(
                "model.norm_topk_prob", "false",
                if: model.topK > 1 && model.variation("norm_topk_prob") == "false",
                instead: "a token weighs its experts by their scores among the chosen ones")
        } else {
            experts.add("--moe-router-pre-softmax", if: model.weighsByAllScores)
        }
        if let factor = model.variation("routed_scaling_factor") {
            experts.add("--moe-router-topk-scaling-factor", factor)
        }
        // Both scale the router's inputs by uniform noise around 1.
        if let noise = model.variation("router_jitter_noise") {
            experts.add("--moe-input-jitter-eps", noise)
        }
        if let groups = model.expertGroups {
            experts.add("--moe-router-num-groups", groups.count)
            experts.add("--moe-router-group-topk", groups.countPerToken)
        }
    }

    /// Capacity there is counted in assignments: `tokens × top-k ÷ experts × factor`, rounded up.
    ///
    /// Source: Megatron Core 0.19.2, `megatron/core/transformer/moe/moe_utils.py`, `get_capacity`
    /// as its callers use it. A capacity per token is the same with a factor ÷ top-k.
    mutating func writeCapacity() {
        let routing = job.routing
        guard let factor = routing.headroom(topK: job.model.topK) else { return }
        experts.add("--moe-expert-capacity-factor", plain(factor))
        experts.add("--moe-token-drop-policy", "probs")
        for way in routing.overflow where way != .drop {
            notes.lose(
                "routing.overflow", way.rawValue,
                instead: "assignments over the capacity are dropped, those of the smallest "
                    + "scores first")
        }
    }
}
