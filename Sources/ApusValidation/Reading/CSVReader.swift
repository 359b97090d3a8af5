import ApusBase

/// One record of a CSV file: its cells as text, and where they stand.
struct CSVRecord {
    /// The line of its first cell, from 1.
    var line: Int
    var cells: [String]
    /// The offset of each cell in the file's bytes.
    fileprivate var offsets: [Int]
}

/// Reads comma-separated values record by record.
///
/// Cells may be quoted; a quoted cell may hold commas, line breaks and doubled quotes. A record has
/// as many cells as the first one, and no more of a longer one is kept. Source: RFC 4180, §2.
struct CSVReader {
    /// Beyond so many columns a file is no table of measurements.
    static let columnCountMax = 256
    /// Beyond so many bytes a cell is no text that a person wrote.
    static let cellSizeMax = 65_536

    private let bytes: [UInt8]
    private let file: String
    private var offset = 0
    private var line = 1
    private var cellCount: Int?

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        // A byte-order mark is no part of the first cell.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    /// The next record that is not an empty line, or `nil` at the end of the file.
    mutating func next() throws(Problems) -> CSVRecord? {
        while offset < bytes.count, isLineBreak(bytes[offset]) { skipLineBreak() }
        guard offset < bytes.count else { return nil }
        var record = CSVRecord(line: line, cells: [], offsets: [])
        record.cells.reserveCapacity(cellCount ?? 0)
        let countMax = cellCount ?? Self.columnCountMax
        repeat {
            if !record.cells.isEmpty { offset += 1 }
            guard record.cells.count < countMax else { throw wrongCount(of: record) }
            record.offsets.append(offset)
            record.cells.append(try nextCell())
        } while offset < bytes.count && bytes[offset] == UInt8(ascii: ",")
        guard record.cells.count == cellCount ?? record.cells.count else {
            throw wrongCount(of: record)
        }
        cellCount = record.cells.count
        skipLineBreak()
        return record
    }

    /// Where a cell of a record stands.
    func location(of index: Int, in record: CSVRecord) -> Diagnostic.Location {
        guard let first = record.offsets.first, record.offsets.indices.contains(index) else {
            return Diagnostic.Location(file: file, line: record.line)
        }
        return location(of: record.offsets[index], from: first, line: record.line)
    }

    private func location(of target: Int, from start: Int, line: Int) -> Diagnostic.Location {
        var begin = start
        while begin > 0, !isLineBreak(bytes[begin - 1]) { begin -= 1 }
        var position = (line: line, column: 1)
        for index in begin..<target {
            if bytes[index] == UInt8(ascii: "\n") {
                position = (position.line + 1, 1)
            } else if bytes[index] & 0xC0 != 0x80 {
                position.column += 1
            }
        }
        return Diagnostic.Location(file: file, line: position.line, column: position.column)
    }

    /// The cell at the offset, which then stands at the comma, line break or end after it.
    private mutating func nextCell() throws(Problems) -> String {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            let start = offset
            while offset < bytes.count, bytes[offset] != UInt8(ascii: ","),
                !isLineBreak(bytes[offset])
            {
                guard bytes[offset] != UInt8(ascii: "\"") else { throw strayQuote() }
                offset += 1
            }
            return try text(bytes[start..<offset], at: start)
        }
        return try quotedCell()
    }

    private mutating func quotedCell() throws(Problems) -> String {
        let (start, startLine) = (offset, line)
        var content: [UInt8] = []
        offset += 1
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                guard offset + 1 < bytes.count, bytes[offset + 1] == byte else {
                    offset += 1
                    try requireCellEnd()
                    return try text(content[...], at: start)
                }
                offset += 1
            } else if byte == UInt8(ascii: "\n") {
                line += 1
            }
            content.append(byte)
            offset += 1
        }
        throw Problems([
            Diagnostic(
                .csvSyntax, location: location(of: start, from: start, line: startLine),
                problem: "a quoted cell has no end",
                expected: "a closing `\"`", hint: "a quote inside a quoted cell is doubled: `\"\"`")
        ])
    }

    private func requireCellEnd() throws(Problems) {
        guard offset < bytes.count, bytes[offset] != UInt8(ascii: ","),
            !isLineBreak(bytes[offset])
        else { return }
        throw Problems([
            Diagnostic(
                .csvSyntax, location: location(of: offset, from: offset, line: line),
                problem: "text follows a quoted cell",
                expected: "a comma or the end of the line",
                hint: "a quote inside a quoted cell is doubled: `\"\"`")
        ])
    }

    private func strayQuote() -> Problems {
        Problems([
            Diagnostic(
                .csvSyntax, location: location(of: offset, from: offset, line: line),
                problem: "a quote stands inside a cell that does not begin with one",
                expected: "a cell that is quoted as a whole, with each inner quote doubled")
        ])
    }

    private func text(_ cell: ArraySlice<UInt8>, at start: Int) throws(Problems) -> String {
        guard cell.count <= Self.cellSizeMax else {
            throw Problems([
                Diagnostic(
                    .csvSyntax, location: location(of: start, from: start, line: line),
                    problem: "a cell has \(grouped(cell.count)) bytes",
                    expected: "at most \(grouped(Self.cellSizeMax))",
                    hint: "a stray quote joins everything up to the next one")
            ])
        }
        if let text = String(validating: cell, as: UTF8.self) { return text }
        throw Problems([
            Diagnostic(
                .fileEncoding, location: location(of: start, from: start, line: line),
                problem: "the cell is not UTF-8", expected: "text in UTF-8",
                hint: "save the file as UTF-8, for example with `iconv -t UTF-8`")
        ])
    }

    /// Refuses a record that is too short, or that goes on where it should end.
    private func wrongCount(of record: CSVRecord) -> Problems {
        let place = location(of: 0, in: record)
        guard let expected = cellCount else {
            return Problems([
                Diagnostic(
                    .csvSyntax, location: place,
                    problem: "the first line has more than \(Self.columnCountMax) columns",
                    expected: "at most \(Self.columnCountMax)",
                    hint: "is this a table of comma-separated values?")
            ])
        }
        let found = record.cells.count < expected ? "\(record.cells.count)" : "more"
        return Problems([
            Diagnostic(
                .csvSyntax, location: place,
                problem: "the record has \(found) cells, the first line names \(expected) columns",
                expected: "\(expected) cells",
                hint: "a cell with a comma or a line break in it is quoted")
        ])
    }

    private func isLineBreak(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    private mutating func skipLineBreak() {
        guard offset < bytes.count else { return }
        if bytes[offset] == UInt8(ascii: "\r"), offset + 1 < bytes.count,
            bytes[offset + 1] == UInt8(ascii: "\n")
        {
            offset += 1
        }
        offset += 1
        line += 1
    }
}
