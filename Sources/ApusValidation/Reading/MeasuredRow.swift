/// One published number and the configuration that produced it: a row of a table.
package struct MeasuredRow: Hashable, Sendable {
    package var file: String
    package var line: Int
    /// The text of each column, in their order; empty where the source did not publish it.
    private var cells: [String]

    init(file: String, line: Int, cells: [Column: String]) {
        self.file = file
        self.line = line
        self.cells = Column.allCases.map { cells[$0] ?? "" }
    }

    package subscript(column: Column) -> String {
        get { cells[column.index] }
        set { cells[column.index] = newValue }
    }

    /// The number that was measured, in `unit`.
    var value: Double? { number(self[.value]) }
    /// Where the row is from; the file where the table does not say.
    package var sourceKey: String { self[.sourceKey].isEmpty ? file : self[.sourceKey] }
    package var quantity: String { self[.quantity] }

    /// Whether the source did not publish the column.
    func lacks(_ column: Column) -> Bool { self[column].isEmpty }

    /// Whether the text of a column has `words` in it, in whatever case.
    func mentions(_ words: String, in column: Column) -> Bool {
        self[column].lowercased().contains(words)
    }

    /// The whole number of a column, or `nil` where it says that there is none.
    func count(_ column: Column) throws(Unscored) -> Int? {
        let text = self[column]
        if text.isEmpty || text == "n/a" { return nil }
        guard let value = number(text), value == value.rounded() else {
            throw Unscored("`\(column.rawValue)` is no whole number")
        }
        return Int(value)
    }

    /// The whole number of a column that has to be there.
    func required(_ column: Column) throws(Unscored) -> Int {
        guard let value = try count(column) else {
            throw Unscored("`\(column.rawValue)` not published")
        }
        guard value > 0 else { throw Unscored("`\(column.rawValue)` is 0") }
        return value
    }
}

extension Column {
    fileprivate var index: Int { Self.indices[self] ?? 0 }
    private static let indices = Dictionary(
        uniqueKeysWithValues: zip(Column.allCases, 0...))
}

/// Why a row gets no prediction or no score.
struct Unscored: Error, Hashable {
    var reason: String

    init(_ reason: String) { self.reason = reason }
}

/// The number that `text` is, with nothing beside it; not infinite, not "nan", not hexadecimal.
func number(_ text: String) -> Double? {
    let isPlain = text.utf8.allSatisfy { byte in
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.eE".utf8.contains(byte)
    }
    return isPlain ? Double(text) : nil
}
