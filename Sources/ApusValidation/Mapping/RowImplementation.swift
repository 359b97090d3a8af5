import ApusCost
import ApusPlan

extension MeasuredRow {
    /// How the software of the row carries its plan out, by the framework and the notes.
    func mappedImplementation() -> Implementation {
        let framework = self[.framework].lowercased()
        var result = Implementation(name: self[.framework])
        if framework.contains("megatron-deepspeed") || framework.contains("megatron-lm 202")
            || framework.contains("ptd-p")
        {
            // Narayanan et al. 2021 and Korthikanti et al. 2022: scores are written out, gradients
            // are accumulated in FP32 (18 bytes per parameter in Korthikanti's figure 1) and
            // reduced after the last micro-batch.
            result.fusedAttention = false
        } else if framework.contains("deepspeed") {
            result.fusedAttention = false
            result.gradientPrecision = .fp16
            result.overlapsGradients = true
            result.overlapsParameters = true
        } else if framework.contains("fsdp") {
            result.gradientPrecision =
                mentions("pure", in: .precision) ? .bf16 : .fp32
            result.overlapsGradients = true
            result.overlapsParameters = true
        } else if framework.contains("megatron-core ci") {
            setTestRun(of: &result)
        } else if framework.contains("hai-llm") {
            // DeepSeek-AI 2024, "DeepSeek-V3", §3.2: DualPipe hides the all-to-all.
            result.dispatcher = .fused
            result.overlapsGradients = true
            result.overlapsParameters = true
            result.overlapsPipeline = true
            result.overlapsExperts = true
        } else if !mentions("no comm overlap", in: .notes) {
            // Megatron-Core, Megatron-Bridge and NeMo with their performance recipes.
            result.overlapsGradients = true
            result.overlapsParameters = true
            result.overlapsTensor = mentions("tp-comm overlap", in: .notes)
            result.overlapsPipeline = true
        }
        if mentions("deepep", in: .framework) || mentions("hybridep", in: .framework)
            || mentions("deepep", in: .notes) || mentions("hybridep", in: .notes)
        {
            result.dispatcher = .fused
        }
        return result
    }

    /// The flags of a Megatron-Core test, which stand in its notes.
    private func setTestRun(of result: inout Implementation) {
        result.fusedAttention =
            !mentions("attention-backend=unfused", in: .notes)
            && !mentions("transformer-impl=local", in: .notes)
        result.fusedElementwise = !mentions("transformer-impl=local", in: .notes)
        result.overlapsGradients = mentions("overlap-grad-reduce=true", in: .notes)
        result.overlapsParameters = mentions("overlap-param-gather=true", in: .notes)
        result.replaysLaunches = mentions("cuda-graph", in: .notes)
    }
}
