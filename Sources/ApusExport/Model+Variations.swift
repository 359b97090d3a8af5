import ApusPlan

/// What the keys say that change only how a model computes.
extension Model {
    /// The value of a key, without the quotes that a text has in a `config.json`.
    func variation(_ key: String) -> String? {
        guard let value = variations.first(where: { $0.key == key })?.value else { return nil }
        let isQuoted = value.count > 1 && value.hasPrefix("\"") && value.hasSuffix("\"")
        return isQuoted ? String(value.dropFirst().dropLast()) : value
    }

    /// Whether weights are kept in FP8 with a scale for each block of 128 × 128, as DeepSeek-V3
    /// was trained (arXiv 2412.19437, section 3.3).
    var quantizesBlocks: Bool {
        let text = (variation("quantization_config") ?? "").filter { !" \"'".contains($0) }
        return text.contains("quant_method:fp8") && text.contains("fmt:e4m3")
            && text.contains("weight_block_size:[128,128]")
    }

    /// Whether a token weighs its experts by their scores among all experts, not among the chosen.
    ///
    /// With a single expert there is nothing else to weigh by.
    var weighsByAllScores: Bool { topK == 1 || variation("norm_topk_prob") == "false" }

    func scoresBySigmoid(_ routing: Routing) -> Bool {
        movesBias(routing) || variation("scoring_func") == "sigmoid"
    }

    /// Whether experts are chosen with a bias that follows their loads.
    func movesBias(_ routing: Routing) -> Bool {
        routing.gate == .sigmoidBias || hasSelectionBias
    }
}
