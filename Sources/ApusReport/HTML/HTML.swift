/// A piece of a page in which every text is escaped.
///
/// There is no way to put a string into a page but `text` and attributes, which escape it; only
/// constants of this module and the page's own script and style go in as they are.
struct HTML: Hashable, Sendable {
    private(set) var source: String

    private init(source: String) { self.source = source }

    static let empty = HTML(source: "")

    static func text(_ text: String) -> HTML { HTML(source: escaped(text)) }

    /// Text in which what stands between backticks is code.
    static func prose(_ text: String) -> HTML {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false)
        let pieces = parts.enumerated().map { index, part in
            // An odd last backtick is only a backtick.
            index % 2 == 1 && index + 1 < parts.count
                ? element("code", text: String(part))
                : HTML.text((index % 2 == 1 ? "`" : "") + part)
        }
        return HTML(source: pieces.map(\.source).joined())
    }

    /// What is known to be HTML, because it stands in this module.
    static func constant(_ source: StaticString) -> HTML { HTML(source: "\(source)") }

    /// An element with its attributes in the order in which they are given.
    static func element(
        _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
        _ content: [HTML] = []
    ) -> HTML {
        let list = attributes.map { " \($0.key)=\"\(escaped($0.value))\"" }.joined()
        return HTML(source: "<\(name)\(list)>\(content.map(\.source).joined())</\(name)>")
    }

    static func element(
        _ name: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
        text: String
    ) -> HTML {
        element(name, attributes, [.text(text)])
    }

    /// JSON as a block of data, in which no text can end the block.
    static func data(_ json: String, id: StaticString) -> HTML {
        HTML(
            source: "<script type=\"application/json\" id=\"\(id)\">\(escapedJSON(json))</script>")
    }

    static func script(_ code: String) -> HTML { HTML(source: "<script>\n\(code)</script>") }
    static func style(_ code: String) -> HTML { HTML(source: "<style>\n\(code)</style>") }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default:
                // Control characters have no place in HTML, and bidirectional overrides could show
                // a name as another one.
                let isHidden =
                    scalar.properties.generalCategory == .control && scalar != "\n"
                    || ("\u{202A}"..."\u{202E}").contains(scalar)
                    || ("\u{2066}"..."\u{2069}").contains(scalar)
                result.unicodeScalars.append(isHidden ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }

    /// In JSON these characters stand within strings only, where their escapes mean the same.
    private static func escapedJSON(_ json: String) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(json.utf8.count)
        for byte in json.utf8 {
            switch byte {
            case UInt8(ascii: "<"): result += Array("\\u003c".utf8)
            case UInt8(ascii: ">"): result += Array("\\u003e".utf8)
            case UInt8(ascii: "&"): result += Array("\\u0026".utf8)
            default: result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
