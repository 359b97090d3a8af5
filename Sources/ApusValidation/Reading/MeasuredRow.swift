/// One published number and the configuration that produced it: a row of a table.
package struct MeasuredRow: Hashable, Sendable {
    package var file: String
    package var line: Int
    /// The text of each column, in their order; empty where the source did not publish it.
    private var cells: [String]
    /// The same in lower case as UTF-8, because most rules look for words in whatever case.
    private var lowerCells: [[UInt8]]

    init(file: String, line: Int, cells: [Column: String]) {
        self.file = file
        self.line = line
        self.cells = Column.allCases.map { cells[$0] ?? "" }
        lowerCells = self.cells.map { lowerCase($0) }
    }

    package subscript(column: Column) -> String {
        get { cells[column.index] }
        set {
            cells[column.index] = newValue
            lowerCells[column.index] = lowerCase(newValue)
        }
    }

    /// The number that was measured, in `unit`.
    var value: Double? { number(self[.value]) }
    /// Where the row is from; the file where the table does not say.
    package var sourceKey: String { self[.sourceKey].isEmpty ? file : self[.sourceKey] }
    package var quantity: String { self[.quantity] }

    /// Whether the source did not publish the column.
    func lacks(_ column: Column) -> Bool { self[column].isEmpty }

    /// Whether the text of a column has `words`, given in lower case, in it in whatever case.
    func mentions(_ words: String, in column: Column) -> Bool {
        let (text, pattern) = (lowerCells[column.index], Array(words.utf8))
        guard let first = pattern.first, text.count >= pattern.count else { return pattern.isEmpty }
        return (0...(text.count - pattern.count)).contains { start in
            text[start] == first && text[start..<(start + pattern.count)].elementsEqual(pattern)
        }
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

/// The bytes of a text with its Latin letters in lower case.
private func lowerCase(_ text: String) -> [UInt8] {
    text.utf8.map { 65...90 ~= $0 ? $0 + 32 : $0 }
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
