/// The lines of a log without terminal colours, one after the other.
///
/// A line that is longer than any log's is not turned into text at all.
struct TextLines: Sequence, IteratorProtocol {
    static let lengthMax = 8192
    private let bytes: ArraySlice<UInt8>
    private var offset: Int
    private(set) var number = 0
    /// Lines that were too long.
    private(set) var tooLong = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
        offset = bytes.startIndex
    }

    mutating func next() -> (number: Int, text: String)? {
        while offset < bytes.endIndex {
            let rest = bytes[offset...]
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
            let line = bytes[offset..<end]
            offset = end + 1
            number += 1
            guard line.count <= Self.lengthMax else {
                tooLong += 1
                continue
            }
            return (number, String(decoding: plain(line), as: UTF8.self))
        }
        return nil
    }

    /// The line without escape sequences and carriage returns.
    private func plain(_ line: ArraySlice<UInt8>) -> [UInt8] {
        guard line.contains(0x1B) || line.last == UInt8(ascii: "\r") else { return Array(line) }
        var result: [UInt8] = []
        var index = line.startIndex
        while index < line.endIndex {
            let byte = line[index]
            if byte == 0x1B {
                // An escape sequence ends with its first letter.
                index += 1
                while index < line.endIndex, !isLetter(line[index]) { index += 1 }
            } else if byte != UInt8(ascii: "\r") {
                result.append(byte)
            }
            index += 1
        }
        return result
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }
}

extension String {
    /// The number that follows `key`, with or without thousands separators.
    func number(after key: String) -> Double? {
        guard let range = firstRange(of: key) else { return nil }
        let rest = self[range.upperBound...].drop { $0 == " " || $0 == ":" }
        let digits = rest.prefix { "0123456789+-.eE,".contains($0) }.filter { $0 != "," }
        guard digits.count <= 32, let value = Double(digits), value.isFinite else { return nil }
        return value
    }

    /// The first place of a text that holds `words`.
    private func firstRange(of words: String) -> Range<String.Index>? {
        ranges(of: words).first
    }
}

/// A whole number that a log may name, within sensible limits.
func whole(_ value: Double?, in range: ClosedRange<Int>) -> Int? {
    guard let value, value.rounded() == value, abs(value) < 1e15 else { return nil }
    let number = Int(value)
    return range.contains(number) ? number : nil
}
