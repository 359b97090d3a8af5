import ApusBase
import ApusCost
import ApusPlan

extension MeasuredRow {
    /// How the software of the row carries its plan out, by the framework and the notes.
    func mappedImplementation(_ model: Model, chunks: Int) -> Implementation {
        let framework = self[.framework].lowercased()
        var result = Implementation(name: self[.framework])
        result.selectiveModules = recomputedModules
        if framework.contains("torchtitan") {
            setTorchTitan(of: &result)
        } else if framework.contains("fsdp") {
            setComposer(of: &result)
        } else if framework.contains("megatron-core ci") {
            setTestRun(of: &result)
        } else if framework.contains("hai-llm") {
            setHAI(of: &result)
        } else if framework.contains("deepspeed") || framework.contains("megatron-lm 202")
            || framework.contains("ptd-p")
        {
            setEarlyMegatron(of: &result)
        } else {
            setCurrentMegatron(of: &result, chunks: chunks)
        }
        if let recipe = BridgeRecipe(self) {
            result.apply(
                recipe, tensorOverlap: !model.hasExperts, hasExpertBias: model.hasFeedForwardBias)
        }
        if [Column.framework, .notes].contains(where: { column in
            mentions("deepep", in: column) || mentions("hybridep", in: column)
        }) {
            result.dispatcher = .fused
        }
        return result
    }

    /// Megatron-LM before fused attention, alone or under DeepSpeed.
    ///
    /// Sources: Narayanan et al. 2021, §4 (fused bias, activation and softmax); Korthikanti et al.
    /// 2022, figure 1 (18 bytes per parameter: FP32 gradients), §4.2.2 (backward's all-reduce
    /// beside the weight's gradient) and §6.3 (no overlap of the gradients' all-reduce).
    private func setEarlyMegatron(of result: inout Implementation) {
        let isLater = mentions("2022", in: .framework)
        result.fusedAttention = false
        result.hostTimePerKernel = Seconds(69e-6)
        result.dropsOut = true
        result.crossEntropy = .separate
        result.accumulatesInProducts = isLater
        result.overlapsTensorGradients = isLater
        if mentions("zero-3", in: .framework) {
            // DeepSpeed's `overlap_comm` was off by default.
            result.gradientPrecision = .fp16
            // Narayanan et al. 2021, table 2: about one network interface's rate for each ring.
            result.layerCollectiveShare = 0.125
        }
    }

    /// Megatron-Core with Transformer Engine, Megatron-Bridge and NeMo.
    ///
    /// Source: NVIDIA-NeMo/Megatron-Bridge@067f987df: the recipes of the measured models reduce
    /// gradients in BF16, and fine-tuning cuts tensor-parallel collectives up.
    private func setCurrentMegatron(of result: inout Implementation, chunks: Int) {
        // Performance recipes and SimuMax's runs fuse it ("CE fusion").
        result.crossEntropy = .inPlace
        guard !mentions("no comm overlap", in: .notes) else { return }
        result.overlapsGradients = true
        result.overlapsParameters = true
        result.overlapsTensor = mentions("tp-comm overlap", in: .notes)
        // Megatron-Core overlaps sends only where stages have several chunks.
        result.overlapsPipeline = chunks > 1
        if mentions("megatron-bridge", in: .framework) { result.gradientPrecision = .bf16 }
        if mentions("sft", in: .precision) { result.overlapsTensor = true }
    }

    /// PyTorch's FSDP under Composer with FlashAttention.
    ///
    /// Source: mosaicml/composer, FSDP mixed precision: `PURE` reduces gradients in BF16, `DEFAULT`
    /// in FP32. MPT's norms and activations are PyTorch's own.
    private func setComposer(of result: inout Implementation) {
        result.gradientPrecision = mentions("pure", in: .precision) ? .bf16 : .fp32
        result.fusedElementwise = false
        result.accumulatesInProducts = false
        result.overlapsGradients = true
        result.overlapsParameters = true
    }

    /// PyTorch's FSDP2 with compiled layers.
    ///
    /// Source: pytorch/torchtitan: weights in BF16, gradients reduced in FP32; tensor parallelism
    /// is asynchronous where it says so.
    private func setTorchTitan(of result: inout Implementation) {
        result.accumulatesInProducts = false
        result.overlapsGradients = true
        result.overlapsParameters = true
        result.overlapsTensor = [Column.framework, .notes].contains { column in
            mentions("async", in: column)
        }
    }

    /// DeepSeek's own framework: DualPipe hides dispatch, combine and sends.
    ///
    /// Source: DeepSeek-AI 2024, "DeepSeek-V3", §3.2.
    private func setHAI(of result: inout Implementation) {
        result.dispatcher = .fused
        result.overlapsGradients = true
        result.overlapsParameters = true
        result.overlapsPipeline = true
        result.overlapsExperts = true
        // DeepGEMM's grouped kernels.
        result.fusesExperts = true
        result.launchesEachExpert = false
    }

    /// The flags of a Megatron-Core functional test, which stand in its notes.
    ///
    /// Source: NVIDIA/Megatron-LM@d98e8a64dd, `tests/functional_tests`: dropout stays at its
    /// default but in tests with context parallelism and in those of real models.
    private func setTestRun(of result: inout Implementation) {
        let isLocal = mentions("transformer-impl=local", in: .notes)
        result.fusedAttention = !mentions("attention-backend=unfused", in: .notes) && !isLocal
        result.fusedElementwise = !isLocal
        result.crossEntropy =
            mentions("cross-entropy-loss-fusion=true", in: .notes) ? .compiled : .separate
        result.accumulatesInProducts =
            !mentions("no-gradient-accumulation-fusion=true", in: .notes)
        result.dropsOut = !isRealModel && self[.context] == "1"
        result.overlapsGradients = mentions("overlap-grad-reduce=true", in: .notes)
        result.overlapsParameters = mentions("overlap-param-gather=true", in: .notes)
        result.replaysLaunches = mentions("cuda-graph", in: .notes)
        result.vocabularyMultiple = 128
    }
}

extension Implementation {
    /// Takes over what a performance recipe sets.
    ///
    /// All of them reduce gradients in BF16 (`grad_reduce_in_fp32 = False`); the dense ones cut
    /// tensor-parallel collectives up (`tp_comm_overlap`).
    fileprivate mutating func apply(
        _ recipe: BridgeRecipe, tensorOverlap: Bool, hasExpertBias: Bool
    ) {
        gradientPrecision = .bf16
        layerCollectiveShare = 1
        dispatcher = recipe.dispatcher
        overlapsExperts = recipe.overlapsExperts
        replaysLaunches = recipe.graphs != .none
        // A bias or a clamp of the experts keeps their kernels apart.
        fusesExperts = recipe.graphs == .step && !hasExpertBias
        launchesEachExpert = !fusesExperts
        overlapsTensor = tensorOverlap
    }
}
