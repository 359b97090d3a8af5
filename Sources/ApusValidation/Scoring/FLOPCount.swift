import ApusCost
import ApusPlan

/// How a source counts the floating-point operations of a step.
///
/// Sources differ: some count what the hardware does, recomputation included, some what the model
/// needs; some count causal attention whole.
enum FLOPCount: Hashable {
    /// `96 B s l h² (1 + s/6h + V/16lh)`: with full recomputation, attention counted whole.
    /// Source: Narayanan et al. 2021, eq. 3.
    case narayananHardware
    /// `72 B s l h² (1 + s/6h + V/12lh)`. Source: Korthikanti et al. 2022, eq. 7.
    case korthikantiModel
    /// `72 B s l h² (1 + s/3h + V/12lh)`: with attention recomputed. Source: the same, eq. 8.
    case korthikantiHardware
    /// `6 N + 12 l h s` per token. Source: mosaicml/llm-foundry, `scripts/train/benchmarking`.
    case parametersAndAttention(parameters: Double)
    /// The same by the model's own weights, as most count that say nothing else.
    /// Source: Chowdhery et al. 2022, "PaLM", appendix B.
    case palm
    /// A constant per token.
    case perToken(Double)
    /// Three times forward, causal attention counted half: Megatron-Core since 2025.
    case megatron
    /// Three times forward, attention counted whole: Megatron-Core until 2024 and NeMo.
    /// Source: `num_floating_point_operations` in Megatron-LM, `megatron/training/training.py`.
    case megatronWholeAttention

    /// FLOPs of the whole step.
    func total(_ step: Step) -> Double {
        let (layers, width) = (Double(step.model.layerCount), Double(step.model.hiddenSize))
        let (length, words) = (Double(step.sequenceLength), Double(step.model.vocabularySize))
        let tokens = Double(step.tokens)
        let layerFLOPs = tokens * layers * width * width
        switch self {
        case .narayananHardware:
            return 96 * layerFLOPs * (1 + length / (6 * width) + words / (16 * layers * width))
        case .korthikantiModel:
            return 72 * layerFLOPs * (1 + length / (6 * width) + words / (12 * layers * width))
        case .korthikantiHardware:
            return 72 * layerFLOPs * (1 + length / (3 * width) + words / (12 * layers * width))
        case .parametersAndAttention(let parameters):
            return tokens * (6 * parameters + 12 * layers * width * length)
        case .palm:
            let parameters = Double(step.model.activeParameterCount)
            return tokens * (6 * parameters + 12 * layers * width * length)
        case .perToken(let count): return tokens * count
        case .megatron:
            return 3 * tokens * step.model.forwardFLOPsPerToken(length: step.sequenceLength).total
        case .megatronWholeAttention:
            let forward = step.model.forwardFLOPsPerToken(length: step.sequenceLength)
            return 3 * tokens * (forward.total + forward.attentionScores)
        }
    }

    /// The count that the row's source uses.
    init(_ row: MeasuredRow) {
        if row.mentions("hardware", in: .unit) {
            self = .narayananHardware
        } else if row.mentions("korthikanti", in: .source) {
            self = row.quantity == "hfu" ? .korthikantiHardware : .korthikantiModel
        } else if let parameters = row.note("NumParams=") {
            self = .parametersAndAttention(parameters: parameters)
        } else if let constant = Self.constant(row) {
            self = .perToken(constant)
        } else if row.mentions("2024", in: .framework) || row.mentions("nemo 2", in: .framework) {
            self = .megatronWholeAttention
        } else if row.mentions("megatron", in: .framework) {
            self = .megatron
        } else {
            self = .palm
        }
    }

    /// What NVIDIA's pages count per token: the quotient of their two columns.
    private static func constant(_ row: MeasuredRow) -> Double? {
        guard row.mentions("megatron-bridge 2", in: .framework) else { return nil }
        let giga: [(model: String, length: String, since: String, count: Double)] = [
            ("deepseek-v3", "4096", "", 260), ("qwen3-30b-a3b", "4096", "", 23),
            ("qwen3-235b-a22b", "4096", "", 148), ("llama3-70b", "8192", "", 449),
            ("llama3.1-405b", "8192", "", 2524), ("kimi-k2", "4096", "", 204.5),
            ("llama3-8b", "8192", "", 51.5), ("gpt-oss-120b", "4096", "26.06", 32.6),
            ("gpt-oss-120b", "4096", "", 27.2), ("gpt-oss-120b", "8192", "", 30.75),
        ]
        let found = giga.first {
            $0.model == row[.model] && $0.length == row[.sequence] && row.release >= $0.since
        }
        return found.map { $0.count * 1e9 }
    }
}

extension MeasuredRow {
    /// The number after `key` in the notes.
    func note(_ key: String) -> Double? {
        guard let range = self[.notes].firstRange(of: key) else { return nil }
        return number(String(self[.notes][range.upperBound...].prefix { $0.isNumber || $0 == "." }))
    }
}
