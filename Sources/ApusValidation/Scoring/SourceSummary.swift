/// The errors of one quantity of one source.
package struct SourceSummary: Hashable, Sendable {
    /// Rows without a score for one reason.
    package struct Skip: Hashable, Sendable {
        package var reason: String
        package var count: Int
    }

    /// The errors of some of the rows.
    package struct Part: Hashable, Sendable {
        package var name: String
        package var errors: ErrorSummary
    }

    package var source: String
    package var quantity: String
    /// Whether the rows lack something that was filled in; such rows are summed up apart.
    package var isAssumed: Bool
    package var rows: [ValidatedRow]
    package var skipped: [Skip]
    /// `nil` where no row has a score.
    package var errors: ErrorSummary?
    /// Models with and without experts, and memory beyond 5 GiB, where a source has both sides.
    package var parts: [Part]
    /// The rank correlation within the model where it is lowest, of models with five rows or more;
    /// `nil` where there is no such model or only one model.
    package var rankCorrelationWithinModels: Double?

    fileprivate init(_ key: Key, _ rows: [ValidatedRow]) {
        source = key.source
        quantity = key.quantity
        isAssumed = key.isAssumed
        self.rows = rows
        errors = ErrorSummary(rows.compactMap(\.comparison))
        parts = Self.parts(rows)
        rankCorrelationWithinModels = Self.lowestRankCorrelation(rows)
        var counts: [String: Int] = [:]
        for row in rows {
            if case .skipped(let reason) = row.outcome { counts[reason, default: 0] += 1 }
        }
        skipped = counts.map { Skip(reason: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    }

    private static func parts(_ rows: [ValidatedRow]) -> [Part] {
        let sides: [(name: String, holds: (ValidatedRow) -> Bool)] = [
            ("dense", { !$0.measurement.hasExperts }), ("moe", { $0.measurement.hasExperts }),
            ("over_5_gib", { $0.measurement.isLargeMemory }),
        ]
        let scored = rows.filter { $0.comparison != nil }
        return sides.compactMap { side in
            let some = scored.filter(side.holds)
            guard some.count < scored.count,
                let errors = ErrorSummary(some.compactMap(\.comparison))
            else { return nil }
            return Part(name: side.name, errors: errors)
        }
    }

    private static func lowestRankCorrelation(_ rows: [ValidatedRow]) -> Double? {
        let models = Dictionary(grouping: rows) { $0.measurement[.model] }
        guard models.count > 1 else { return nil }
        return models.values.compactMap { rows -> Double? in
            let comparisons = rows.compactMap(\.comparison)
            guard comparisons.count >= 5 else { return nil }
            return rankCorrelation(comparisons.map(\.predicted), comparisons.map(\.measured))
        }.min()
    }
}

extension MeasuredRow {
    fileprivate var hasExperts: Bool { (number(self[.experts]) ?? 0) > 0 }

    /// Whether the row is of more than 5 GiB; below, what libraries hold outweighs the model.
    fileprivate var isLargeMemory: Bool {
        guard quantity.contains("mem"), mentions("gi", in: .unit) else { return false }
        return (value ?? 0) > 5
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
