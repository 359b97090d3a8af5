/// Reads JSON from bytes one value after the other, without building a tree of it.
///
/// It takes as long as the text is, and nesting costs no stack: what is not wanted is skipped.
struct JSONScanner {
    struct Failure: Error {
        var offset: Int
        var expected: String
    }

    /// Deeper than any profiler nests.
    static let depthMax = 64
    /// A longer text is no name; the rest of it is passed over.
    static let textMax = 512

    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next byte that is no blank, or 0 at the end.
    mutating func peek() -> UInt8 {
        while offset < bytes.count, bytes[offset] <= 0x20 { offset += 1 }
        return offset < bytes.count ? bytes[offset] : 0
    }

    /// Takes a byte that has to come next.
    mutating func take(_ byte: UInt8, _ name: String) throws(Failure) {
        guard peek() == byte else { throw Failure(offset: offset, expected: name) }
        offset += 1
    }

    /// Takes a byte if it comes next.
    mutating func takes(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    /// Calls `body` with each key of an object; it has to take the value.
    mutating func object(
        _ body: (inout JSONScanner, String) throws(Failure) -> Void
    ) throws(Failure) {
        try take(UInt8(ascii: "{"), "`{`")
        if takes(UInt8(ascii: "}")) { return }
        repeat {
            let key = try text()
            try take(UInt8(ascii: ":"), "`:` after the key")
            try body(&self, key)
        } while takes(UInt8(ascii: ","))
        try take(UInt8(ascii: "}"), "`,` or `}`")
    }

    /// Calls `body` for each element of an array; it has to take the value.
    mutating func array(
        _ body: (inout JSONScanner) throws(Failure) -> Void
    ) throws(Failure) {
        try take(UInt8(ascii: "["), "`[`")
        if takes(UInt8(ascii: "]")) { return }
        repeat { try body(&self) } while takes(UInt8(ascii: ","))
        try take(UInt8(ascii: "]"), "`,` or `]`")
    }

    /// A text, of which no more than `textMax` bytes are kept; escapes stay but for quotes.
    mutating func text() throws(Failure) -> String {
        try take(UInt8(ascii: "\""), "a text in quotes")
        var kept: [UInt8] = []
        while offset < bytes.count {
            var byte = bytes[offset]
            offset += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: kept, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") {
                guard offset < bytes.count else { break }
                byte = bytes[offset]
                offset += 1
            }
            if kept.count < Self.textMax { kept.append(byte) }
        }
        throw Failure(offset: offset, expected: "the closing quote of a text")
    }

    /// A number, or `nil` for another value, which is skipped; a number in quotes counts too.
    mutating func number() throws(Failure) -> Double? {
        switch peek() {
        case UInt8(ascii: "\""): return finite(try text())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return finite(word())
        case _:
            try skip()
            return nil
        }
    }

    /// A text, or `nil` for another value, which is skipped.
    mutating func optionalText() throws(Failure) -> String? {
        if peek() == UInt8(ascii: "\"") { return try text() }
        try skip()
        return nil
    }

    /// Passes over one value of any kind.
    mutating func skip() throws(Failure) {
        var open: [UInt8] = []
        repeat {
            let byte = peek()
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count < Self.depthMax else {
                    throw Failure(
                        offset: offset, expected: "at most \(Self.depthMax) levels of nesting")
                }
                open.append(byte + 2)
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard open.last == byte else { throw Failure(offset: offset, expected: "a value") }
                open.removeLast()
                offset += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard !open.isEmpty else { throw Failure(offset: offset, expected: "a value") }
                offset += 1
            case UInt8(ascii: "\""):
                _ = try text()
            case _:
                guard !word().isEmpty else { throw Failure(offset: offset, expected: "a value") }
            }
        } while !open.isEmpty
    }

    /// A number or one of `true`, `false` and `null`, as it stands.
    private mutating func word() -> String {
        let start = offset
        while offset < bytes.count, isWordByte(bytes[offset]) { offset += 1 }
        return String(decoding: bytes[start..<min(offset, start + 64)], as: UTF8.self)
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z"))
            || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
    }

    private func finite(_ text: String) -> Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The line and column of an offset, from 1.
    func position(of offset: Int) -> (line: Int, column: Int) {
        let before = bytes[..<min(offset, bytes.count)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return (line, before.count - start + 1)
    }
}
