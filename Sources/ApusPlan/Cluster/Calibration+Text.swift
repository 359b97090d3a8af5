extension Calibration {
    /// The section as lines of a file, indented by four spaces, that read back to an equal value.
    var lines: [String] {
        var lines: [String] = []
        if !sources.isEmpty { lines += ["    sources:"] + sources.map(\.line) }
        if let operationMicroseconds {
            lines.append("    operation_us: \(plain(operationMicroseconds))")
        }
        lines += rows("products", products) {
            ["m: \($0.m)", "n: \($0.n)", "k: \($0.k)"]
                + ($0.groups > 1 ? ["groups: \($0.groups)"] : [])
                + ["type: \($0.type.rawValue)"] + time($0.microseconds, $0.spread)
        }
        lines += rows("attention", attention) {
            [
                "sequences: \($0.sequences)", "length: \($0.length)", "heads: \($0.heads)",
                "head_dim: \($0.headDim)", "pass: \($0.pass.rawValue)", "type: \($0.type.rawValue)",
            ] + time($0.microseconds, $0.spread)
        }
        lines += rows("kernels", kernels) {
            [
                "kind: \($0.kind.rawValue)", "pass: \($0.pass.rawValue)", "numbers: \($0.numbers)",
            ] + time($0.microseconds, $0.spread)
        }
        if let islandModel { lines.append(islandModel.line) }
        lines += rows("islands", islands) {
            [
                "kind: \($0.kind.rawValue)", "pass: \($0.pass.rawValue)",
                "sequences: \($0.sequences)", "length: \($0.length)",
            ] + ($0.experts.map { ["experts: \($0)"] } ?? []) + time($0.microseconds, $0.spread)
        }
        lines += rows("copies", copies) {
            ["bytes: \($0.bytes)"] + time($0.microseconds, $0.spread)
        }
        lines += rows("collectives", collectives) {
            [
                "collective: \($0.collective.rawValue)", "ranks: \($0.ranks)", "bytes: \($0.bytes)",
            ] + time($0.microseconds, $0.spread)
                + ($0.busyMicroseconds.map { ["busy_us: \(plain($0))"] } ?? [])
        }
        lines += rows("busy_cores", busyCores) {
            ["cores: \($0.cores)", "slowdown: \(plain($0.slowdown))"]
        }
        return lines.isEmpty ? [] : ["  calibration:"] + lines
    }

    private func rows<Row>(_ key: String, _ rows: [Row], _ fields: (Row) -> [String]) -> [String] {
        guard !rows.isEmpty else { return [] }
        return ["    \(key):"]
            + rows.map { "      - { \(fields($0).joined(separator: ", ")) }" }
    }

    private func time(_ microseconds: Double, _ spread: Double?) -> [String] {
        ["time_us: \(plain(microseconds))"] + (spread.map { ["spread: \(plain($0))"] } ?? [])
    }
}

extension Calibration.Source {
    fileprivate var line: String {
        let texts: [(String, String?)] = [
            ("kind", kind), ("file", file), ("machine", machine), ("date", date),
            ("command", command), ("versions", versions), ("used", used), ("skipped", skipped),
        ]
        var fields = texts.compactMap { key, text in text.map { "\(key): \(quoted($0))" } }
        if let repetitions { fields.append("repetitions: \(repetitions)") }
        if let lines { fields.append("lines: \(lines)") }
        return "      - { \(fields.joined(separator: ", ")) }"
    }
}

extension Calibration.IslandModel {
    fileprivate var line: String {
        let fields = [
            "hidden_size: \(hiddenSize)", "num_attention_heads: \(headCount)",
            "num_key_value_heads: \(keyValueHeadCount)", "head_dim: \(headDim)",
            "num_local_experts: \(expertCount)", "num_experts_per_tok: \(topK)",
            "intermediate_size: \(expertHiddenSize)", "vocab_size: \(vocabularySize)",
            "type: \(type.rawValue)",
        ]
        return "    island_model: { \(fields.joined(separator: ", ")) }"
    }
}
