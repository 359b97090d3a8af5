import ApusPlan

extension MeasuredRow {
    /// The model of the row.
    func mappedModel() throws(Unscored) -> Model {
        let attention = self[.attention]
        guard !lacks(.attention) else { throw Unscored("`attn` not published") }
        guard !attention.contains("hybrid"), !mentions("hybrid mamba", in: .notes) else {
            throw Unscored("the model is a hybrid of attention and something else")
        }
        let experts = try count(.experts) ?? 0
        let heads = try required(.heads)
        let isGated = try flag(.gated)
        var model = Model(
            layerCount: try required(.layers), hiddenSize: try required(.hidden),
            headCount: heads, keyValueHeadCount: try required(.keyValueHeads),
            headDim: 1, expertCount: experts,
            topK: experts > 0 ? try required(.topK) : 0,
            expertHiddenSize: experts > 0 ? try required(.expertFFN) : 0,
            vocabularySize: try required(.vocabulary), tiesEmbeddings: tiesEmbeddings(isGated))
        try setAttention(of: &model)
        model.isGated = isGated
        model.family = experts > 0 ? .mixtral : isGated ? .llama : .gpt2
        if experts > 0 {
            model.sharedExpertHiddenSize = try count(.sharedExpertFFN) ?? 0
            let dense = try count(.denseLayers) ?? 0
            guard dense < model.layerCount else { throw Unscored("no layer has the experts") }
            guard model.topK <= experts else { throw Unscored("`topk` is more than `experts`") }
            model.denseLayers = Array(0..<dense)
            model.denseHiddenSize = dense > 0 ? try required(.ffn) : 0
        } else {
            model.denseHiddenSize = try required(.ffn)
        }
        setHabits(of: &model)
        return model
    }

    private func setAttention(of model: inout Model) throws(Unscored) {
        if self[.attention] == "mla" {
            let latent = try latentAttention()
            model.latentAttention = latent
            model.headDim = latent.queryHeadDim
            model.family = .deepSeekV3
            return
        }
        model.headDim = try required(.headDim)
        guard model.headCount % model.keyValueHeadCount == 0 else {
            throw Unscored("`kv_heads` does not divide `heads`")
        }
    }

    /// The widths inside a text such as `mla:qlora1536,kvlora512,nope128,rope64,v128`.
    private func latentAttention() throws(Unscored) -> Model.LatentAttention {
        var widths: [String: Int] = [:]
        let parts = self[.headDim].drop { $0 != ":" }.dropFirst().split(separator: ",")
        for part in parts {
            let name = part.prefix { !$0.isNumber }
            guard let width = Int(part.dropFirst(name.count)), 1...65_536 ~= width else { continue }
            widths[String(name)] = width
        }
        guard let keyValueRank = widths["kvlora"], let plain = widths["nope"],
            let rotary = widths["rope"], let value = widths["v"]
        else { throw Unscored("`head_dim` does not give the widths of latent attention") }
        return Model.LatentAttention(
            queryRank: widths["qlora"], keyValueRank: keyValueRank, plainHeadDim: plain,
            rotaryHeadDim: rotary, valueHeadDim: value)
    }

    /// What a model's family says beyond the columns.
    private func setHabits(of model: inout Model) {
        if !model.isGated || isTestRun { setGPT(of: &model) }
        if mentions("qwen3", in: .model) { model.queryKeyNorm = .perHead }
        if mentions("gpt-oss", in: .model) { setGPTOSS(of: &model) }
        let isV3 =
            mentions("deepseek-v3", in: .model) || mentions("deepseekv3", in: .model)
        if isV3 || mentions("kimi", in: .model) { model.hasSelectionBias = true }
        // DeepSeek-V2 and V3 by their `config.json`: four of eight groups, three of eight.
        if isV3 { model.expertGroups = .init(count: 8, countPerToken: 4) }
        if mentions("deepseekv2", in: .model)
            || mentions("group-limited routing topk 3", in: .notes)
        {
            model.expertGroups = .init(count: 8, countPerToken: 3)
        }
        if model.hasExperts, predictsFurther {
            // Assumption: the module that predicts one token further costs one more layer; its
            // share of the head is left out.
            model.layerCount += 1
        }
    }

    /// Whether a further module predicts the token after next (DeepSeek-V3, "MTP").
    private var predictsFurther: Bool {
        if isTestRun { return mentions("mtp-num-layers=1", in: .notes) }
        return self[.model] == "deepseek-v3"
    }

    /// The habits of GPT-2: LayerNorm, biases and learned positions.
    ///
    /// Sources: Narayanan et al. 2021, §2; mosaicml/llm-foundry, `mpt_modeling.py` (no biases);
    /// NVIDIA/Megatron-LM@d98e8a64dd, `tests/functional_tests`.
    private func setGPT(of model: inout Model) {
        let isReal = isTestRun && isRealModel
        let turns = mentions("position-embedding-type=rope", in: .notes)
        let hasBiases =
            !mentions("mpt", in: .model) && !mentions("disable_bias_linear", in: .model)
            && !isReal && !(isTestRun && model.hasExperts)
        model.norm = isReal && model.isGated ? .rms : .layer
        model.hasQueryKeyValueBias = hasBiases
        model.hasAttentionOutputBias = hasBiases
        model.hasFeedForwardBias = hasBiases
        model.learnedPositions = turns ? nil : number(self[.sequence]).map { Int($0) }
    }

    /// Source: openai/gpt-oss-120b, `config.json`: biases, attention sinks, and a window of 128
    /// tokens in every second layer.
    private func setGPTOSS(of model: inout Model) {
        model.family = .gptOSS
        model.hasAttentionSinks = true
        model.hasQueryKeyValueBias = true
        model.hasAttentionOutputBias = true
        model.hasRouterBias = true
        model.hasFeedForwardBias = true
        model.slidingWindow = 128
        model.windowedLayers = Array(stride(from: 0, to: model.layerCount, by: 2))
    }

    /// Megatron-LM and MPT share the embedding with the head unless told otherwise; gated models
    /// of the Llama kind do not.
    private func tiesEmbeddings(_ isGated: Bool) -> Bool {
        if mentions("untie-embeddings", in: .notes) { return false }
        return !isGated || isTestRun
    }

    private func flag(_ column: Column) throws(Unscored) -> Bool {
        guard let value = try count(column) else {
            throw Unscored("`\(column.rawValue)` not published")
        }
        return value == 1
    }
}
