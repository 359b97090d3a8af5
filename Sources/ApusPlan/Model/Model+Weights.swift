/// The weights of a layer, with the names of the families' checkpoints.
///
/// Source of the names: the modelling code of Hugging Face transformers 4.57. Newer versions stack
/// the experts in memory, not in their files.
extension Model {
    func add(layer: Int, experts: Range<Int>, to weights: inout WeightList) {
        weights.layer = layer
        if family == .gpt2 { return addGPT2(layer, to: &weights) }
        let prefix = "model.layers.\(layer)."
        addNorm(prefix + "input_layernorm", to: &weights)
        if let latentAttention {
            add(latentAttention, prefix + "self_attn.", to: &weights)
        } else {
            addAttention(prefix + "self_attn.", to: &weights)
        }
        addNorm(prefix + "post_attention_layernorm", to: &weights)
        guard !isDense(layer) else {
            return addFeedForward(prefix + "mlp.", .dense, denseHiddenSize, to: &weights)
        }
        switch family {
        case .mixtral:
            let block = prefix + "block_sparse_moe."
            addRouter(block + "gate", to: &weights)
            addExperts(
                block + "experts.", first: ("w1w3", ["w1", "w3"]), second: ("w2", ["w2"]), experts,
                to: &weights)
        case .gptOSS:
            addRouter(prefix + "mlp.router", to: &weights)
            addSlicedExperts(prefix + "mlp.experts.", experts, to: &weights)
        case .qwen2MoE, .qwen3MoE, .olmoe, .deepSeekV2, .deepSeekV3, .llama, .gpt2:
            addRouter(prefix + "mlp.gate", to: &weights)
            addExperts(
                prefix + "mlp.experts.",
                first: ("gate_up_proj", isGated ? ["gate_proj", "up_proj"] : ["up_proj"]),
                second: ("down_proj", ["down_proj"]), experts, to: &weights)
        }
        addShared(prefix + "mlp.", to: &weights)
    }

    /// A norm over the hidden size.
    func addNorm(_ name: String, to weights: inout WeightList) {
        weights.add(name + ".weight", .norms, [hiddenSize])
        if norm == .layer { weights.add(name + ".bias", .norms, [hiddenSize]) }
    }

    private func addAttention(_ prefix: String, to weights: inout WeightList) {
        for (name, width) in [
            ("q_proj", queryWidth), ("k_proj", keyValueWidth), ("v_proj", keyValueWidth),
        ] {
            weights.addProjection(
                prefix + name, .attention, to: width, from: hiddenSize,
                hasBias: hasQueryKeyValueBias)
        }
        switch queryKeyNorm {
        case .none: break
        case .perHead:
            weights.add(prefix + "q_norm.weight", .norms, [headDim])
            weights.add(prefix + "k_norm.weight", .norms, [headDim])
        case .whole:
            weights.add(prefix + "q_norm.weight", .norms, [queryWidth])
            weights.add(prefix + "k_norm.weight", .norms, [keyValueWidth])
        }
        if hasAttentionSinks { weights.add(prefix + "sinks", .attention, [headCount]) }
        weights.addProjection(
            prefix + "o_proj", .attention, to: hiddenSize, from: attendedWidth,
            hasBias: hasAttentionOutputBias)
    }

    private func add(
        _ latent: LatentAttention, _ prefix: String, to weights: inout WeightList
    ) {
        if let rank = latent.queryRank {
            weights.addProjection(
                prefix + "q_a_proj", .attention, to: rank, from: hiddenSize,
                hasBias: hasQueryKeyValueBias)
            weights.add(prefix + "q_a_layernorm.weight", .norms, [rank])
            weights.addProjection(prefix + "q_b_proj", .attention, to: queryWidth, from: rank)
        } else {
            weights.addProjection(prefix + "q_proj", .attention, to: queryWidth, from: hiddenSize)
        }
        weights.addProjection(
            prefix + "kv_a_proj_with_mqa", .attention,
            to: latent.keyValueRank + latent.rotaryHeadDim, from: hiddenSize,
            hasBias: hasQueryKeyValueBias)
        weights.add(prefix + "kv_a_layernorm.weight", .norms, [latent.keyValueRank])
        weights.addProjection(
            prefix + "kv_b_proj", .attention,
            to: headCount * (latent.plainHeadDim + latent.valueHeadDim), from: latent.keyValueRank)
        weights.addProjection(
            prefix + "o_proj", .attention, to: hiddenSize, from: attendedWidth,
            hasBias: hasAttentionOutputBias)
    }

    private func addRouter(_ name: String, to weights: inout WeightList) {
        weights.addProjection(
            name, .router, to: expertCount, from: hiddenSize, hasBias: hasRouterBias)
        if hasSelectionBias {
            weights.add(name + ".e_score_correction_bias", .router, [expertCount])
        }
    }

    /// Experts in two tensors, before the activation and after it, and two more for biases.
    private func addExperts(
        _ prefix: String, first: (name: String, parts: [String]),
        second: (name: String, parts: [String]), _ experts: Range<Int>,
        to weights: inout WeightList
    ) {
        for (stack, outputs, inputs) in [
            (first, expertHiddenSize, hiddenSize), (second, hiddenSize, expertHiddenSize),
        ] {
            weights.addStacked(
                stack.name, in: prefix, of: stack.parts.map { $0 + ".weight" },
                shape: [outputs, inputs], experts: experts)
            guard hasFeedForwardBias else { continue }
            weights.addStacked(
                stack.name + "_bias", in: prefix, of: stack.parts.map { $0 + ".bias" },
                shape: [outputs], experts: experts)
        }
    }

    /// Experts as GPT-OSS stores them: inputs before outputs, gate and up in turn.
    private func addSlicedExperts(
        _ prefix: String, _ experts: Range<Int>, to weights: inout WeightList
    ) {
        let inner = (isGated ? 2 : 1) * expertHiddenSize
        for (name, inputs, outputs) in [
            ("gate_up_proj", hiddenSize, inner), ("down_proj", expertHiddenSize, hiddenSize),
        ] {
            weights.addSlices(prefix + name, shape: [inputs, outputs], experts: experts)
            guard hasFeedForwardBias else { continue }
            weights.addSlices(prefix + name + "_bias", shape: [outputs], experts: experts)
        }
    }

    private func addShared(_ prefix: String, to weights: inout WeightList) {
        let name = family == .qwen2MoE ? "shared_expert" : "shared_experts"
        addFeedForward("\(prefix)\(name).", .shared, sharedExpertHiddenSize, to: &weights)
        guard hasSharedExpertGate else { return }
        weights.addProjection(prefix + "shared_expert_gate", .shared, to: 1, from: hiddenSize)
    }

    private func addFeedForward(
        _ prefix: String, _ kind: StoredParameter.Kind, _ width: Int, to weights: inout WeightList
    ) {
        guard width > 0 else { return }
        for name in isGated ? ["gate_proj", "up_proj"] : ["up_proj"] {
            weights.addProjection(
                prefix + name, kind, to: width, from: hiddenSize, hasBias: hasFeedForwardBias)
        }
        weights.addProjection(
            prefix + "down_proj", kind, to: hiddenSize, from: width, hasBias: hasFeedForwardBias)
    }

    /// A layer of GPT-2, whose matrices have inputs before outputs.
    private func addGPT2(_ layer: Int, to weights: inout WeightList) {
        let prefix = "transformer.h.\(layer)."
        func add(_ name: String, _ kind: StoredParameter.Kind, from inputs: Int, to outputs: Int) {
            weights.add(prefix + name + ".weight", kind, [inputs, outputs])
            weights.add(prefix + name + ".bias", kind, [outputs])
        }
        addNorm(prefix + "ln_1", to: &weights)
        add("attn.c_attn", .attention, from: hiddenSize, to: queryWidth + 2 * keyValueWidth)
        add("attn.c_proj", .attention, from: attendedWidth, to: hiddenSize)
        addNorm(prefix + "ln_2", to: &weights)
        add("mlp.c_fc", .dense, from: hiddenSize, to: denseHiddenSize)
        add("mlp.c_proj", .dense, from: denseHiddenSize, to: hiddenSize)
    }
}
