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
    /// A constant per token.
    case perToken(Double)

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
        case .perToken(let count): return tokens * count
        }
    }

    /// The count that the row's source uses.
    init(_ row: MeasuredRow) throws(Unscored) {
        if row.mentions("hardware", in: .unit) {
            self = .narayananHardware
        } else if row.mentions("korthikanti", in: .source) {
            self = row.quantity == "hfu" ? .korthikantiHardware : .korthikantiModel
        } else if let parameters = row.note("NumParams=") {
            self = .parametersAndAttention(parameters: parameters)
        } else if let constant = Self.constant(row) {
            self = .perToken(constant)
        } else {
            throw Unscored("how the source counts FLOPs is not known")
        }
    }

    /// What NVIDIA's pages count per token: the quotient of their two columns.
    private static func constant(_ row: MeasuredRow) -> Double? {
        let giga: [(model: String, length: String, count: Double)] = [
            ("deepseek-v3", "4096", 260), ("qwen3-30b-a3b", "4096", 23),
            ("qwen3-235b-a22b", "4096", 148), ("llama3-70b", "8192", 449),
            ("llama3.1-405b", "8192", 2524), ("kimi-k2", "4096", 204.5),
            ("llama3-8b", "8192", 51.5),
        ]
        let found = giga.first { $0.model == row[.model] && $0.length == row[.sequence] }
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
