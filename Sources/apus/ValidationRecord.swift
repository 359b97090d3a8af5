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
        case source, quantity, assumed, rows, scored, skipped, mape, median, max, bias, spearman
        case underpredicted_over_5pct
    }

    func encode(to encoder: any Encoder) throws {
        let errors = summary.errors
        let skipped = summary.skipped.map { ($0.reason, $0.count) }
        var record = encoder.container(keyedBy: Key.self)
        try record.encode(summary.source, forKey: .source)
        try record.encode(summary.quantity, forKey: .quantity)
        try record.encode(summary.isAssumed, forKey: .assumed)
        try record.encode(summary.rows.count, forKey: .rows)
        try record.encode(errors?.count ?? 0, forKey: .scored)
        try record.encode(Dictionary(uniqueKeysWithValues: skipped), forKey: .skipped)
        try record.encode(errors?.meanMagnitude, forKey: .mape)
        try record.encode(errors?.medianMagnitude, forKey: .median)
        try record.encode(errors?.magnitudeMax, forKey: .max)
        try record.encode(errors?.bias, forKey: .bias)
        try record.encode(errors?.rankCorrelation, forKey: .spearman)
        try record.encode(errors?.underpredictedCount, forKey: .underpredicted_over_5pct)
    }
}
