/// A value as JSON and Python write it, with the keys in the order given.
indirect enum Literal: Hashable, Sendable {
    case integer(Int)
    case number(Double)
    case text(String)
    case flag(Bool)
    case list([Literal])
    case object([Entry])

    struct Entry: Hashable, Sendable {
        var key: String
        var value: Literal
    }

    enum Language: Hashable, Sendable {
        case json, python
    }

    /// The value in several lines, those after the first indented by `indent` levels.
    func text(in language: Language, indent: Int = 0) -> String {
        switch self {
        case .integer(let number): return "\(number)"
        case .number(let number): return "\(number)"
        case .text(let text): return quoted(text)
        case .flag(let flag):
            switch language {
            case .json: return "\(flag)"
            case .python: return flag ? "True" : "False"
            }
        case .list(let items):
            return "[" + items.map { $0.text(in: language) }.joined(separator: ", ") + "]"
        case .object(let entries):
            guard !entries.isEmpty else { return "{}" }
            let margin = String(repeating: "    ", count: indent)
            // Python writers put a comma after the last line, too; JSON has none there.
            let end = language == .python ? ",\n" : "\n"
            let lines = entries.map { entry in
                "\(margin)    \(quoted(entry.key)): "
                    + entry.value.text(in: language, indent: indent + 1)
            }
            return "{\n" + lines.joined(separator: ",\n") + end + margin + "}"
        }
    }
}

extension Literal: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, Literal)...) {
        self = .object(elements.map { Entry(key: $0.0, value: $0.1) })
    }

    /// Adds a key at the end of an object.
    mutating func set(_ key: String, _ value: Literal) {
        guard case .object(var entries) = self else {
            preconditionFailure("only an object has keys")
        }
        entries.append(Entry(key: key, value: value))
        self = .object(entries)
    }
}

extension Literal: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
    init(integerLiteral value: Int) { self = .integer(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(stringLiteral value: String) { self = .text(value) }
    init(booleanLiteral value: Bool) { self = .flag(value) }
    init(arrayLiteral elements: Literal...) { self = .list(elements) }
}
