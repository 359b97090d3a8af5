/// The errors of one quantity of one source.
package struct SourceSummary: Hashable, Sendable {
    /// Rows without a score for one reason.
    package struct Skip: Hashable, Sendable {
        package var reason: String
        package var count: Int
    }

    package var source: String
    package var quantity: String
    /// Whether the rows lack something that was filled in; such rows are summed up apart.
    package var isAssumed: Bool
    package var rows: [ValidatedRow]
    package var skipped: [Skip]
    /// `nil` where no row has a score.
    package var errors: ErrorSummary?

    fileprivate init(_ key: Key, _ rows: [ValidatedRow]) {
        source = key.source
        quantity = key.quantity
        isAssumed = key.isAssumed
        self.rows = rows
        errors = ErrorSummary(rows.compactMap(\.comparison))
        var counts: [String: Int] = [:]
        for row in rows {
            if case .skipped(let reason) = row.outcome { counts[reason, default: 0] += 1 }
        }
        skipped = counts.map { Skip(reason: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    }
}

extension ValidatedRow {
    /// The prediction beside the measurement, where there is one.
    package var comparison: Comparison? {
        switch outcome {
        case .scored(let comparison), .assumed(let comparison): comparison
        case .skipped: nil
        }
    }

    package var isAssumed: Bool {
        switch outcome {
        case .assumed: true
        case .scored, .skipped: false
        }
    }
}

private struct Key: Hashable {
    var source: String
    var quantity: String
    var isAssumed: Bool
}

extension Validation {
    /// The errors by source and quantity, in the order of the rows.
    package var summaries: [SourceSummary] {
        var order: [Key] = []
        var groups: [Key: [ValidatedRow]] = [:]
        for row in rows {
            let key = Key(
                source: row.measurement.sourceKey, quantity: row.measurement.quantity,
                isAssumed: row.isAssumed)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(row)
        }
        return order.map { SourceSummary($0, groups[$0] ?? []) }
    }
}
