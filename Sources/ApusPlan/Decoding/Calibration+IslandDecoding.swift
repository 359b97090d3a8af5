import ApusBase

/// Reads the islands that were measured on a cluster.
extension FieldReader {
    /// The islands of a calibration, and the model that they are of.
    mutating func islands(_ calibration: inout Calibration, in section: Section) {
        calibration.islandModel = self.section(
            "island_model", in: section, fields: FileSchema.calibrationIslandModel
        ).map { islandModel($0) }
        calibration.islands = sections(
            "islands", in: section, fields: FileSchema.calibrationIsland
        ).map { island($0) }
        if section.value("islands") != nil, section.value("island_model") == nil {
            rejectMissing(
                "island_model", in: section, expected: "the sizes of the model of `islands`")
        }
    }

    private mutating func islandModel(_ section: Section) -> Calibration.IslandModel {
        Calibration.IslandModel(
            hiddenSize: integer("hidden_size", in: section),
            headCount: integer("num_attention_heads", in: section),
            keyValueHeadCount: integer("num_key_value_heads", in: section),
            headDim: integer("head_dim", in: section),
            expertCount: integer("num_local_experts", in: section),
            topK: integer("num_experts_per_tok", in: section),
            expertHiddenSize: integer("intermediate_size", in: section),
            vocabularySize: integer("vocab_size", in: section),
            type: needed("type", in: section, else: .fp32))
    }

    private mutating func island(_ section: Section) -> Calibration.Island {
        let kind: Calibration.IslandKind = needed("kind", in: section, else: .attention)
        let experts = optionalInteger("experts", in: section)
        if kind == .experts, section.value("experts") == nil {
            rejectMissing("experts", in: section, expected: "how many of them the rank held")
        }
        return Calibration.Island(
            kind: kind, pass: needed("pass", in: section, else: .forward),
            sequences: integer("sequences", in: section), length: integer("length", in: section),
            experts: experts, microseconds: number("time_us", in: section),
            spread: spread(in: section))
    }
}
