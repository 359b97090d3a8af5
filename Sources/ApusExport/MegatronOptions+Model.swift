import ApusPlan

extension MegatronOptions {
    mutating func writeSizes() {
        let model = job.model
        self.model.add("--num-layers", model.layerCount)
        self.model.add("--hidden-size", model.hiddenSize)
        let dense = model.denseHiddenSize > 0 ? model.denseHiddenSize : model.expertHiddenSize
        self.model.add("--ffn-hidden-size", dense)
        self.model.add("--seq-length", job.sequenceLength)
        let positions = model.learnedPositions ?? job.sequenceLength
        self.model.add("--max-position-embeddings", max(positions, job.sequenceLength))
        notes.lose(
            "model.n_positions", "\(positions)", if: positions < job.sequenceLength,
            instead: "\(job.sequenceLength) positions, one for each token of a sequence")
        writeVocabulary()
        self.model.add("--untie-embeddings-and-output-weights", if: !model.tiesEmbeddings)
        switch model.norm {
        case .rms: self.model.add("--normalization", "RMSNorm")
        case .layer: self.model.add("--normalization", "LayerNorm")
        }
        self.model.add("--norm-epsilon", plain(model.rmsNormEpsilon))
        writeVariations()
    }

    /// The keys of a `config.json` that change only how the model computes.
    private mutating func writeVariations() {
        let model = job.model
        let residual = model.variation("resid_pdrop")
        self.model.add("--hidden-dropout", residual ?? "0")
        let attention = model.variation("attention_dropout") ?? model.variation("attn_pdrop")
        self.model.add("--attention-dropout", attention ?? "0")
        if let factor = model.variation("partial_rotary_factor") {
            self.model.add("--rotary-percent", factor)
        }
        var known: Set = [
            "resid_pdrop", "attention_dropout", "attn_pdrop", "partial_rotary_factor",
            "norm_topk_prob", "routed_scaling_factor", "router_jitter_noise",
        ]
        if model.variation("embd_pdrop") == residual { known.insert("embd_pdrop") }
        if model.variation("scoring_func") == "sigmoid" { known.insert("scoring_func") }
        if job.workload.precision == .fp8, model.quantizesBlocks {
            known.insert("quantization_config")
        }
        // With biases its GELU is the one by a hyperbolic tangent, as that of GPT-2.
        if model.hasFeedForwardBias, model.variation("activation_function") == "gelu_new" {
            known.insert("activation_function")
        }
        if model.family == .gptOSS { known.insert("swiglu_limit") }
        notes.loseVariations(of: model, except: known)
    }

    /// The embedding has exactly the model's rows, or the next number that tensor ranks can share.
    private mutating func writeVocabulary() {
        let tensor = job.degrees.tensor
        let rows = (job.model.vocabularySize + tensor - 1) / tensor * tensor
        model.add("--padded-vocab-size", rows)
        notes.lose(
            "model.vocab_size", "\(job.model.vocabularySize)", if: rows != job.model.vocabularySize,
            instead: "an embedding of \(rows) rows, which \(tensor) tensor ranks can share")
    }

    mutating func writeAttention() {
        let model = job.model
        self.model.add("--num-attention-heads", model.headCount)
        if let latent = model.latentAttention {
            self.model.add("--multi-latent-attention")
            if let rank = latent.queryRank { self.model.add("--q-lora-rank", rank) }
            self.model.add("--kv-lora-rank", latent.keyValueRank)
            self.model.add("--qk-head-dim", latent.plainHeadDim)
            self.model.add("--qk-pos-emb-head-dim", latent.rotaryHeadDim)
            self.model.add("--v-head-dim", latent.valueHeadDim)
            self.model.add("--kv-channels", latent.valueHeadDim)
            self.model.add("--rope-type", "rope")
            // Its fused kernel for latent attention knows scaled positions only.
            self.model.add("--no-rope-fusion")
            // These are the norms of the compressed queries, keys and values.
            self.model.add("--qk-layernorm")
        } else {
            self.model.add("--kv-channels", model.headDim)
            if model.keyValueHeadCount < model.headCount {
                self.model.add("--group-query-attention")
                self.model.add("--num-query-groups", model.keyValueHeadCount)
            }
            self.model.add("--qk-layernorm", if: model.queryKeyNorm != .none)
        }
        notes.lose(
            "model.model_type", model.family.rawValue, if: model.queryKeyNorm == .whole,
            instead: "each head's queries and keys are normalised for themselves, not all heads "
                + "together")
        writePositions()
        writeWindow()
        if model.hasAttentionSinks { self.model.add("--softmax-type", "learnable") }
    }

    private mutating func writePositions() {
        guard job.model.learnedPositions == nil else {
            return model.add("--position-embedding-type", "learned_absolute")
        }
        model.add("--position-embedding-type", "rope")
        // Limits of the file keep the base within what `Int` holds.
        let base = Int(job.model.ropeTheta.rounded())
        model.add("--rotary-base", base)
        notes.lose(
            "model.rope_theta", plain(job.model.ropeTheta),
            if: Double(base) != job.model.ropeTheta, instead: "\(base), a whole number")
    }

    private mutating func writeWindow() {
        let model = job.model
        guard let window = model.slidingWindow, !model.windowedLayers.isEmpty else { return }
        self.model.add("--window-size", "\(window - 1),0")
        guard model.windowedLayers.count < model.layerCount else { return }
        let windowed = Set(model.windowedLayers)
        let pattern = (0..<model.layerCount).map { windowed.contains($0) ? 1 : 0 }
        self.model.add("--window-attn-skip-freq", runLengths(pattern))
    }

    mutating func writeFeedForward() {
        let model = job.model
        // GPT-OSS clamps its gate and scales the sigmoid in it.
        // Source: OpenAI, `gpt_oss/torch/model.py`, `swiglu`.
        if model.isGated, model.family == .gptOSS {
            self.model.add("--quick-geglu")
            self.model.add("--glu-linear-offset", "1.0")
            let limit = model.variation("swiglu_limit") ?? "7.0"
            self.model.add("--activation-func-clamp-value", limit)
        } else {
            self.model.add("--swiglu", if: model.isGated)
        }
        let biases = [
            model.hasQueryKeyValueBias, model.hasAttentionOutputBias, model.hasFeedForwardBias,
        ]
        if biases == [true, true, true] { return }
        self.model.add("--disable-bias-linear")
        self.model.add("--add-qkv-bias", if: model.hasQueryKeyValueBias)
        notes.lose(
            "model.model_type", model.family.rawValue,
            if: model.hasAttentionOutputBias || model.hasFeedForwardBias,
            instead: "no biases but those of queries, keys and values")
        notes.lose(
            "model.model_type", model.family.rawValue, if: model.hasRouterBias,
            instead: "a router without bias")
    }
}

/// A list of flags as Megatron-LM reads it, such as `([0]*3+[1]*58)`.
func runLengths(_ flags: [Int]) -> String {
    var terms: [(flag: Int, count: Int)] = []
    for flag in flags {
        if terms.last?.flag == flag {
            terms[terms.count - 1].count += 1
        } else {
            terms.append((flag, 1))
        }
    }
    return "(" + terms.map { "[\($0.flag)]*\($0.count)" }.joined(separator: "+") + ")"
}
