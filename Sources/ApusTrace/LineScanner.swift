/// Reads one line of a trace from left to right: flat JSON objects and arrays of numbers.
///
/// It knows no nesting, so a hostile line can neither recurse nor make it allocate more than the
/// line is long.
struct LineScanner {
    /// A value of the header or of a rank's line.
    enum Value: Equatable {
        case text(String)
        case number(Double)
        case integer(Int)
        case texts([String])
    }

    private var rest: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) { rest = line }

    /// Whether nothing but blanks is left.
    mutating func isAtEnd() -> Bool {
        skipBlanks()
        return rest.isEmpty
    }

    /// The fields of an object, or `nil` where the line is none or names a key twice.
    mutating func object() -> [String: Value]? {
        guard take("{") else { return nil }
        var fields: [String: Value] = [:]
        if take("}") { return fields }
        repeat {
            guard fields.count < Self.fieldCountMax, let key = text(), take(":"),
                fields[key] == nil, let value = value()
            else { return nil }
            fields[key] = value
        } while take(",")
        return take("}") ? fields : nil
    }

    /// An array of at most `countMax` numbers.
    mutating func numbers(countMax: Int) -> [Value]? {
        guard take("[") else { return nil }
        var values: [Value] = []
        repeat {
            guard values.count < countMax, let value = number() else { return nil }
            values.append(value)
        } while take(",")
        return take("]") ? values : nil
    }

    private static let fieldCountMax = 64

    private mutating func value() -> Value? {
        skipBlanks()
        switch rest.first {
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "["): return texts().map { .texts($0) }
        default: return number()
        }
    }

    private mutating func texts() -> [String]? {
        guard take("[") else { return nil }
        if take("]") { return [] }
        var result: [String] = []
        repeat {
            guard let text = text() else { return nil }
            result.append(text)
        } while take(",")
        return take("]") ? result : nil
    }

    private mutating func number() -> Value? {
        skipBlanks()
        let word = rest.prefix { byte in
            byte >= 48 && byte <= 57 || [43, 45, 46, 69, 101].contains(byte)
        }
        guard !word.isEmpty, word.count <= 32, word.first != 43 else { return nil }
        rest = rest.dropFirst(word.count)
        let text = String(decoding: word, as: UTF8.self)
        if let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else { return nil }
        return .number(number)
    }

    private mutating func text() -> String? {
        skipBlanks()
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escaped() else { return nil }
                bytes += Array(String(Character(scalar)).utf8)
            case 0..<32: return nil
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func escaped() -> Unicode.Scalar? {
        switch rest.popFirst() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "u"):
            let digits = rest.prefix(4)
            rest = rest.dropFirst(4)
            let isHexadecimal = digits.count == 4 && digits.allSatisfy { Self.isHexadecimal($0) }
            guard isHexadecimal else { return nil }
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
            return value.flatMap { Unicode.Scalar($0) }
        default: return nil
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipBlanks() {
        while let byte = rest.first, byte == 32 || byte == 9 || byte == 13 { rest.removeFirst() }
    }
}
