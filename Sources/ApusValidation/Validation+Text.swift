import ApusBase

extension Validation {
    /// The errors as a table for people, with the worst rows of each source below it.
    package func text(worstCount: Int) -> [String] {
        let summaries = summaries
        let header = [
            "source", "quantity", "rows", "scored", "mape", "median", "max", "bias", "spearman",
            "under 5%",
        ]
        var lines = aligned([header] + summaries.flatMap { [$0.cells] + $0.partCells })
        for summary in summaries where !summary.skipped.isEmpty || worstCount > 0 {
            let details = summary.skips + summary.worst(worstCount)
            guard !details.isEmpty else { continue }
            lines.append("")
            lines.append("\(summary.source) \(summary.title)")
            lines += details.map { "  \($0)" }
        }
        return lines
    }
}

extension SourceSummary {
    fileprivate var title: String { quantity + (isAssumed ? " (assumed)" : "") }

    fileprivate var cells: [String] {
        [source, title, "\(rows.count)"] + Self.cells(errors)
    }

    fileprivate var partCells: [[String]] {
        var lines = parts.map { ["", "  \($0.name)", ""] + Self.cells($0.errors) }
        if let rankCorrelationWithinModels {
            let correlation = fixed(rankCorrelationWithinModels, decimals: 3)
            lines.append(
                ["", "  lowest within a model", "", ""] + Array(repeating: "", count: 4)
                    + [correlation, ""])
        }
        return lines
    }

    private static func cells(_ errors: ErrorSummary?) -> [String] {
        guard let errors else { return ["0"] + Array(repeating: "–", count: 6) }
        let shares = [
            errors.meanMagnitude, errors.medianMagnitude, errors.magnitudeMax, errors.bias,
        ]
        return ["\(errors.count)"] + shares.map { fixed($0, decimals: 1) }
            + [
                errors.rankCorrelation.map { fixed($0, decimals: 3) } ?? "–",
                "\(errors.underpredictedCount)",
            ]
    }

    fileprivate var skips: [String] {
        skipped.map { "skipped \($0.count): \($0.reason)" }
    }

    fileprivate func worst(_ count: Int) -> [String] {
        let compared = rows.compactMap { row in row.comparison.map { (row.measurement, $0) } }
        return compared.sorted { $0.1.error.magnitude > $1.1.error.magnitude }.prefix(count).map {
            (row, comparison) in
            let percent = fixed(100 * comparison.error, decimals: 1)
            let assumed = comparison.assumptions.joined(separator: ", ")
            return "\(row[.id]): \(percent) %, predicted \(significant(comparison.predicted)) "
                + "for \(significant(comparison.measured)) \(row[.unit].prefix(20)); "
                + row.configuration + (assumed.isEmpty ? "" : "; assumed: \(assumed)")
        }
    }
}

extension MeasuredRow {
    /// The configuration in a few words.
    fileprivate var configuration: String {
        let degrees: [Column] = [
            .tensor, .sequenceParallel, .pipeline, .chunks, .expert, .expertTensor, .context, .data,
            .zero, .microBatch, .globalBatch,
        ]
        let parts = degrees.filter { !["", "0", "1", "n/a"].contains(self[$0]) }.map {
            "\($0.rawValue)\(self[$0])"
        }
        return "\(self[.model]) seq\(self[.sequence]) \(self[.gpu])×\(self[.gpus]) "
            + parts.joined(separator: " ") + " \(self[.precision]), \(self[.recompute])"
    }
}

/// Rows of cells in columns: text to the left, numbers, from the third column on, to the right.
private func aligned(_ rows: [[String]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in
        rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { cells in
        zip(cells, widths).enumerated().map { column, cell in
            let padding = String(repeating: " ", count: cell.1 - cell.0.count)
            return column < 2 ? cell.0 + padding : padding + cell.0
        }.joined(separator: "  ")
    }
}
