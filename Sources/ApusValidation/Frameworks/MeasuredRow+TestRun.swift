extension MeasuredRow {
    /// Whether the row is a functional test of Megatron-Core.
    var isTestRun: Bool { mentions("megatron-core ci", in: .framework) }

    /// Whether a test trains the shape of a real model: such tests use rotary positions and an own
    /// head, and neither dropout nor biases.
    var isRealModel: Bool {
        mentions("position-embedding-type=rope", in: .notes)
            && mentions("untie-embeddings", in: .notes)
    }

    /// The vocabulary of a test whose tokenizer the table does not give.
    ///
    /// Source: `--tokenizer-model` in NVIDIA/Megatron-LM@d98e8a64dd, `tests/functional_tests`. The
    /// vocabulary file of the small tests is not public; 50 257 words agree with their memory.
    var testVocabulary: Int {
        guard isRealModel else { return 50_257 }
        let model = self[.model]
        if model.hasPrefix("gpt3_15b") || model.hasPrefix("deepseekv3_proxy")
            || model.hasPrefix("mixtral_8x7b_alltoall")
        {
            return 256_000
        }
        return model.hasPrefix("mixtral") ? 32_000 : 50_257
    }
}
