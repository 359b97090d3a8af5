package import ApusBase

/// A file of measurements as it was read.
package struct MeasurementTable: Hashable, Sendable {
    /// What the rows of a file measure.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case steps
        case products = "kernel times of matrix products"
        case expertKernels = "kernel times of expert layers"
        case attentionKernels = "kernel times of attention"
        case collectives = "times of collectives"
        case serving = "latencies of served models"
        case otherTools = "errors of other tools"
        case hardware = "data sheets of GPUs"
    }

    /// The largest file that is read; all published measurements together take a third of it.
    package static let size = Bytes(16 * 1024 * 1024)
    static let rowCountMax = 50_000
    /// Beyond so many problems a message helps nobody.
    static let problemCountMax = 100

    package var file: String
    package var kind: Kind
    /// Empty for a kind other than steps.
    package var rows: [MeasuredRow]
    /// Records below the first line, of whatever kind.
    package var recordCount: Int
}

/// Reads a table of measurements; every problem of the file is reported at once.
package func readMeasurements(
    _ bytes: [UInt8], file: String
) throws(Problems) -> MeasurementTable {
    guard bytes.count <= MeasurementTable.size.count else {
        throw Problems([measurementsTooLarge(file)])
    }
    var reader = CSVReader(bytes, file: file)
    guard let header = try reader.next() else {
        throw Problems([
            Diagnostic(
                .csvSyntax, location: .init(file: file), problem: "the file is empty",
                expected: "a line that names the columns")
        ])
    }
    let (kind, columns) = try columns(of: header, in: reader, file: file)
    var table = MeasurementTable(file: file, kind: kind, rows: [], recordCount: 0)
    var problems: [Diagnostic] = []
    var hidden = 0
    while let record = try reader.next() {
        table.recordCount += 1
        guard table.recordCount <= MeasurementTable.rowCountMax else {
            throw Problems([tooManyRows(at: reader.location(of: 0, in: record))])
        }
        guard kind == .steps else { continue }
        for (index, column) in columns {
            guard let problem = limitProblem(record.cells[index], column) else { continue }
            guard problems.count < MeasurementTable.problemCountMax else {
                hidden += 1
                continue
            }
            problems.append(at(reader.location(of: index, in: record), problem))
        }
        guard problems.isEmpty else { continue }
        var cells: [Column: String] = [:]
        for (index, column) in columns { cells[column] = record.cells[index] }
        table.rows.append(MeasuredRow(file: file, line: record.line, cells: cells))
    }
    guard problems.isEmpty else {
        throw Problems(problems + (hidden > 0 ? [moreProblems(hidden, file: file)] : []))
    }
    return table
}

/// What is said about a file that is larger than `MeasurementTable.size`.
package func measurementsTooLarge(_ file: String) -> Diagnostic {
    Diagnostic(
        .fileSize, location: .init(file: file),
        problem: "the file is too large for a table of measurements and is not read",
        expected: "at most \(grouped(MeasurementTable.size.count)) bytes (16 MiB)",
        hint: "split it; `apus validate` takes several files")
}

/// The kind of a file and where its known columns stand.
private func columns(
    of header: CSVRecord, in reader: CSVReader, file: String
) throws(Problems) -> (MeasurementTable.Kind, [(Int, Column)]) {
    let names = header.cells.map { $0.trimmingSpaces() }
    if let kind = MeasurementTable.Kind(otherColumns: Set(names)) { return (kind, []) }
    var problems: [Diagnostic] = []
    var seen: Set<Column> = []
    var found: [(Int, Column)] = []
    for (index, name) in names.enumerated() {
        guard let column = Column(rawValue: name) else { continue }
        if seen.insert(column).inserted {
            found.append((index, column))
        } else {
            problems.append(
                Diagnostic(
                    .csvColumn, location: reader.location(of: index, in: header),
                    problem: "the column `\(name)` stands twice",
                    expected: "each column once"))
        }
    }
    let missing = Column.allCases.filter { !$0.isOptional && !seen.contains($0) }
    if !missing.isEmpty {
        let list = missing.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        problems.insert(
            Diagnostic(
                .csvColumn, location: reader.location(of: 0, in: header),
                problem: missing.count == 1
                    ? "the column \(list) is missing" : "the columns \(list) are missing",
                expected: Column.allCases.map(\.rawValue).joined(separator: ", ")), at: 0)
    }
    guard problems.isEmpty else { throw Problems(problems) }
    return (.steps, found)
}

/// What is wrong with a cell whose number no model, machine or measurement has.
private func limitProblem(_ text: String, _ column: Column) -> Diagnostic? {
    guard let limits = column.limits, !text.isEmpty else { return nil }
    let words = text.lowercased()
    let value = number(text)
    let isNumber = value != nil || ["nan", "inf", "infinity"].contains(words.drop { $0 == "-" })
    guard isNumber, !(value.map(limits.contains) ?? false) else { return nil }
    let upper = limits.upperBound
    return Diagnostic(
        .outOfRange, path: column.rawValue,
        problem: "`\(column.rawValue)` is `\(text.prefix(40))`",
        expected: upper > 1e15
            ? "a number from 0 to 10¹⁸" : "a number from 0 to \(Int(upper))",
        hint: "leave the cell empty where the source does not say")
}

private func at(_ location: Diagnostic.Location, _ diagnostic: Diagnostic) -> Diagnostic {
    var result = diagnostic
    result.location = location
    return result
}

private func tooManyRows(at location: Diagnostic.Location) -> Diagnostic {
    Diagnostic(
        .countLimit, location: location,
        problem: "the table has more than \(grouped(MeasurementTable.rowCountMax)) rows",
        expected: "at most \(grouped(MeasurementTable.rowCountMax)) rows")
}

private func moreProblems(_ count: Int, file: String) -> Diagnostic {
    Diagnostic(
        .moreProblems, location: .init(file: file),
        problem: "\(count) more problems are not shown", hint: "mend the ones above first")
}
