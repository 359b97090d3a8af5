import ApusBase

/// How a layer attends, as `layer_types` names it.
enum LayerType: String, CaseIterable {
    case full = "full_attention"
    case sliding = "sliding_attention"
}

/// How a router chooses experts, as `topk_method` names it.
///
/// Source: `MoEGate` in the modelling code of DeepSeek-V2 and V3.
enum ExpertChoice: String, CaseIterable {
    case greedy
    case groupLimited = "group_limited_greedy"
    /// Scores with a selection bias, in groups.
    case biased = "noaux_tc"
}

/// What only some families have.
extension FieldReader {
    mutating func readSpecial(_ model: inout Model, _ section: Section) {
        switch model.family {
        case .mixtral:
            readWindow(&model, section, layers: Array(0..<model.layerCount))
        case .qwen2MoE:
            readSparseSteps(&model, section)
            model.sharedExpertHiddenSize = integer("shared_expert_intermediate_size", in: section)
            model.hasSharedExpertGate = true
            model.hasQueryKeyValueBias = flag("qkv_bias", in: section, default: true)
            let full = integer("max_window_layers", in: section, default: 28)
            guard flag("use_sliding_window", in: section, default: false) else { break }
            readWindow(&model, section, layers: (0..<model.layerCount).filter { $0 >= full })
        case .qwen3MoE:
            readSparseSteps(&model, section)
            model.queryKeyNorm = .perHead
            readAttentionBias(&model, section, default: false)
            guard flag("use_sliding_window", in: section, default: false) else { break }
            readWindow(&model, section, layers: Array(0..<model.layerCount))
        case .olmoe:
            model.queryKeyNorm = .whole
            readAttentionBias(&model, section, default: false)
        case .deepSeekV2, .deepSeekV3:
            readDeepSeek(&model, section)
        case .gptOSS:
            model.hasAttentionSinks = true
            model.hasRouterBias = true
            model.hasFeedForwardBias = true
            readAttentionBias(&model, section, default: true)
            let layers = (0..<model.layerCount).filter { $0.isMultiple(of: 2) }
            readWindow(&model, section, layers: layers)
        case .llama:
            readDense(&model, size: integer("intermediate_size", in: section))
            readAttentionBias(&model, section, default: false)
            model.hasFeedForwardBias = flag("mlp_bias", in: section, default: false)
        case .gpt2:
            readDense(&model, size: integer("n_inner", in: section, default: 4 * model.hiddenSize))
            model.learnedPositions = integer("n_positions", in: section, default: 1024)
            model.norm = .layer
            model.isGated = false
            model.hasFeedForwardBias = true
            model.hasQueryKeyValueBias = true
            model.hasAttentionOutputBias = true
        }
    }

    private mutating func readAttentionBias(
        _ model: inout Model, _ section: Section, default missing: Bool
    ) {
        model.hasQueryKeyValueBias = flag("attention_bias", in: section, default: missing)
        model.hasAttentionOutputBias = model.hasQueryKeyValueBias
    }

    private func readDense(_ model: inout Model, size: Int) {
        model.denseHiddenSize = size
        model.denseLayers = Array(0..<model.layerCount)
    }

    /// The sliding window; `layers` have it where the file does not say which.
    private mutating func readWindow(_ model: inout Model, _ section: Section, layers: [Int]) {
        var layers = layers
        if section.fields.contains(where: { $0.key == "layer_types" }),
            let node = section.value("layer_types")
        {
            let types: [LayerType] = choices("layer_types", in: section)
            layers = types.indices.filter { types[$0] == .sliding }
            if case .sequence(let nodes) = node.content {
                checkCount(nodes.count, of: "layer_types", in: section, model)
            }
        }
        let window = optionalInteger("sliding_window", in: section) ?? 0
        guard window > 0, !layers.isEmpty else { return }
        model.slidingWindow = window
        model.windowedLayers = layers
    }

    private mutating func checkCount(
        _ count: Int, of key: String, in section: Section, _ model: Model
    ) {
        let layers = section.path(of: model.family.keys.layers)
        let path = section.path(of: key)
        guard count != model.layerCount, !unusable.contains(layers), !unusable.contains(path) else {
            return
        }
        reject(
            .outOfRange, path,
            "`\(path)` has \(counted(count, "entry", "entries")), `\(layers)` is "
                + "\(model.layerCount)",
            expected: "one type for each layer")
    }

    /// Which layers are dense, in the way of the Qwen families.
    private mutating func readSparseSteps(_ model: inout Model, _ section: Section) {
        let step = integer("decoder_sparse_step", in: section, default: 1)
        var dense: Set<Int> = []
        if let node = section.value("mlp_only_layers"), node.content != .sequence([]) {
            dense = Set(integers("mlp_only_layers", in: section))
        }
        let isDense = { (layer: Int) in !(layer + 1).isMultiple(of: step) || dense.contains(layer) }
        readDenseLayers(&model, section, (0..<model.layerCount).filter(isDense))
    }

    /// Dense layers among others, whose inner size has to be given only where there are any.
    private mutating func readDenseLayers(
        _ model: inout Model, _ section: Section, _ layers: [Int]
    ) {
        guard !layers.isEmpty else {
            _ = optionalInteger("intermediate_size", in: section)
            return
        }
        model.denseLayers = layers
        model.denseHiddenSize = integer("intermediate_size", in: section)
    }

    private mutating func readDeepSeek(_ model: inout Model, _ section: Section) {
        model.latentAttention = latentAttention(section)
        if let latent = model.latentAttention { model.headDim = latent.queryHeadDim }
        // Each head expands keys and values of its own, whatever `num_key_value_heads` says.
        model.keyValueHeadCount = model.headCount
        readAttentionBias(&model, section, default: false)
        model.hasFeedForwardBias = flag("mlp_bias", in: section, default: false)
        model.sharedExpertHiddenSize =
            (optionalInteger("n_shared_experts", in: section) ?? 0) * model.expertHiddenSize
        let first = integer("first_k_dense_replace", in: section, default: 0)
        let frequency = integer("moe_layer_freq", in: section, default: 1)
        let isDense = { (layer: Int) in layer < first || !layer.isMultiple(of: frequency) }
        readDenseLayers(&model, section, (0..<model.layerCount).filter(isDense))
        let isV3 = model.family == .deepSeekV3
        let choice: ExpertChoice = choice(
            "topk_method", in: section, default: isV3 ? .biased : .greedy)
        model.hasSelectionBias = choice == .biased
        let groups = optionalInteger("n_group", in: section) ?? 1
        let chosen = optionalInteger("topk_group", in: section) ?? groups
        guard choice != .greedy, groups > 1 else { return }
        model.expertGroups = Model.ExpertGroups(count: groups, countPerToken: chosen)
    }

    /// Sizes of latent attention; `q_lora_rank` has to say `null` where queries are not compressed.
    private mutating func latentAttention(_ section: Section) -> Model.LatentAttention {
        let key = "q_lora_rank"
        let isWhole = section.value(key)?.isNull ?? false
        return Model.LatentAttention(
            queryRank: isWhole ? nil : integer(key, in: section),
            keyValueRank: integer("kv_lora_rank", in: section),
            plainHeadDim: integer("qk_nope_head_dim", in: section),
            rotaryHeadDim: integer("qk_rope_head_dim", in: section),
            valueHeadDim: integer("v_head_dim", in: section))
    }

    /// The keys of a section that change the arithmetic and nothing else.
    func variations(_ section: Section) -> [ModelVariation] {
        ModelVariation.plainValues.compactMap { key, plainValues in
            guard let field = section.fields.first(where: { $0.key == key }),
                case .anything = field.content, let value = section.value(key), !value.isNull
            else { return nil }
            if case .scalar(let text, _) = value.content, plainValues.contains(text) { return nil }
            if key == "rope_parameters", value.isPlainRotary { return nil }
            return ModelVariation(key: key, value: value.flowText)
        }
    }
}

extension YAMLNode {
    /// Whether these are the parameters of a rotary embedding without scaling.
    fileprivate var isPlainRotary: Bool {
        guard case .mapping(let entries) = content else { return false }
        guard let type = entries.first(where: { $0.key == "rope_type" })?.value else { return true }
        if case .scalar("default", _) = type.content { return true }
        return false
    }
}
