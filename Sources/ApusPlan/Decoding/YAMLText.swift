/// Writing values so that the parser reads them back as they were.
extension YAMLNode {
    /// The value on one line, in flow style.
    var flowText: String {
        switch content {
        case .scalar where isNull: "null"
        case .scalar(let text, isText: true): quoted(text)
        case .scalar(let text, isText: false):
            decimalNumber(self) == nil ? scalar(text) : text
        case .sequence(let nodes): list(nodes.map(\.flowText))
        case .mapping(let entries):
            entries.isEmpty
                ? "{}"
                : "{ "
                    + entries.map { "\(scalar($0.key)): \($0.value.flowText)" }
                    .joined(separator: ", ") + " }"
        }
    }
}

func list(_ items: [String]) -> String { "[\(items.joined(separator: ", "))]" }

/// Text as it is where YAML takes it for nothing else, otherwise in quotes.
func scalar(_ text: String) -> String {
    let letters = text.unicodeScalars
    let isPlain =
        letters.first.map { ("a"..."z").contains($0) || ("A"..."Z").contains($0) } ?? false
    let isSafe = letters.allSatisfy {
        ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
            || "-_.".unicodeScalars.contains($0)
    }
    return isPlain && isSafe && !["null", "Null", "NULL"].contains(text) ? text : quoted(text)
}

/// Text in double quotes, with escapes for what a YAML reader would fold or refuse.
func quoted(_ text: String) -> String {
    var result = "\""
    for letter in text.unicodeScalars {
        switch letter.value {
        case 0x22: result += "\\\""
        case 0x5C: result += "\\\\"
        case 0x0A: result += "\\n"
        case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD:
            result.unicodeScalars.append(letter)
        default:
            let digits = String(letter.value, radix: 16)
            result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
    }
    return result + "\""
}
