import ApusValidation

/// What `apus validate --json` prints; shares are in percent.
struct ValidationRecord: Encodable {
    struct OtherTable: Encodable {
        var file: String
        var kind: String
        var rows: Int
    }

    var sources: [SourceRecord]
    /// Tables that were recognised and measure something else than training steps.
    var other_tables: [OtherTable]

    init(_ validation: Validation, otherTables: [MeasurementTable]) {
        sources = validation.summaries.map { SourceRecord(summary: $0) }
        other_tables = otherTables.map {
            OtherTable(file: $0.file, kind: $0.kind.rawValue, rows: $0.recordCount)
        }
    }
}

/// The errors of one quantity of one source; what is not known is `null`.
struct SourceRecord: Encodable {
    var summary: SourceSummary

    private enum Key: String, CodingKey {
        case source, quantity, assumed, rows, skipped, parts, spearman_within_model
    }

    func encode(to encoder: any Encoder) throws {
        let skipped = summary.skipped.map { ($0.reason, $0.count) }
        let parts = summary.parts.map { ($0.name, ErrorRecord(errors: $0.errors)) }
        var record = encoder.container(keyedBy: Key.self)
        try record.encode(summary.source, forKey: .source)
        try record.encode(summary.quantity, forKey: .quantity)
        try record.encode(summary.isAssumed, forKey: .assumed)
        try record.encode(summary.rows.count, forKey: .rows)
        try record.encode(Dictionary(uniqueKeysWithValues: skipped), forKey: .skipped)
        try record.encode(Dictionary(uniqueKeysWithValues: parts), forKey: .parts)
        try record.encode(summary.rankCorrelationWithinModels, forKey: .spearman_within_model)
        try ErrorRecord(errors: summary.errors).encode(to: encoder)
    }
}

/// Errors in percent.
struct ErrorRecord: Encodable {
    var errors: ErrorSummary?

    private enum Key: String, CodingKey {
        case scored, mape, median, max, bias, spearman, underpredicted_over_5pct
    }

    func encode(to encoder: any Encoder) throws {
        var record = encoder.container(keyedBy: Key.self)
        try record.encode(errors?.count ?? 0, forKey: .scored)
        try record.encode(errors?.meanMagnitude, forKey: .mape)
        try record.encode(errors?.medianMagnitude, forKey: .median)
        try record.encode(errors?.magnitudeMax, forKey: .max)
        try record.encode(errors?.bias, forKey: .bias)
        try record.encode(errors?.rankCorrelation, forKey: .spearman)
        try record.encode(errors?.underpredictedCount ?? 0, forKey: .underpredicted_over_5pct)
    }
}
