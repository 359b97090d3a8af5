extension MeasurementTable.Kind {
    /// The kind of a table that measures something else than training steps, by its columns.
    init?(otherColumns names: Set<String>) {
        let other = Self.allCases.first { kind in
            let marks = kind.marks
            return !marks.isEmpty
                && marks.allSatisfy { mark in names.contains { $0.hasSuffix(mark) } }
        }
        guard let other else { return nil }
        self = other
    }

    /// Columns that only a table of this kind has.
    private var marks: [String] {
        switch self {
        case .steps: []
        case .products: ["m", "n", "k", "time_ms"]
        case .expertKernels: ["tokens", "experts", "routing", "time_ms"]
        case .attentionKernels: ["batch", "seq", "heads", "time_ms"]
        case .collectives: ["collective", "message_bytes"]
        case .serving: ["silicon_ttft_ms"]
        case .otherTools: ["err_pct"]
        case .hardware: ["hbm_gb", "bf16_dense"]
        }
    }
}

extension String {
    func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
