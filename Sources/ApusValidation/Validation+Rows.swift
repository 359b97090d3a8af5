import ApusBase
import ApusCost

extension Validation {
    /// Every row with its prediction, or the reason why it has none, as CSV.
    package var rowsCSV: String {
        let header =
            [
                "id", "source_key", "quantity", "unit", "status", "predicted", "measured",
                "error_percent", "assumed", "reason", "file", "line",
            ] + StepBreakdown().parts.map { "\($0.name)_s" }
        return ([header] + rows.map(\.cells)).map { cells in
            cells.map(quoted).joined(separator: ",") + "\n"
        }.joined()
    }
}

extension ValidatedRow {
    fileprivate var cells: [String] {
        let row = measurement
        let start = [row[.id], row.sourceKey, row.quantity, row[.unit]]
        let end = [row.file, "\(row.line)"]
        switch outcome {
        case .scored(let comparison):
            return start + ["scored"] + comparison.cells + ["", ""] + end + comparison.parts
        case .assumed(let comparison):
            let assumed = [comparison.assumptions.joined(separator: ", "), ""]
            return start + ["assumed"] + comparison.cells + assumed + end + comparison.parts
        case .skipped(let reason):
            return start + ["skipped", "", row[.value], "", "", reason] + end
                + StepBreakdown().parts.map { _ in "" }
        }
    }
}

extension Comparison {
    fileprivate var cells: [String] { ["\(predicted)", "\(measured)", "\(100 * error)"] }

    /// Seconds of the step's parts.
    fileprivate var parts: [String] {
        guard let breakdown else { return StepBreakdown().parts.map { _ in "" } }
        return breakdown.parts.map { "\($0.time.count)" }
    }
}

/// A cell as RFC 4180 wants it.
private func quoted(_ cell: String) -> String {
    guard cell.utf8.contains(where: { ",\"\n\r".utf8.contains($0) }) else { return cell }
    return "\""
        + cell.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\"\"") + "\""
}
