/// One value of a YAML or JSON text, with the place where it stands.
struct YAMLNode: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        /// Text as it stands in the file; `isText` where quotes or a block style say that it is.
        case scalar(String, isText: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    var content: Content
    var position: TextPosition

    /// Whether the file says `null`, `~` or nothing at all.
    var isNull: Bool {
        guard case .scalar(let text, isText: false) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Whether the value would be a number if it did not stand in quotes.
    var isQuotedNumber: Bool {
        guard case .scalar(let text, isText: true) = content else { return false }
        let bare = YAMLNode(content: .scalar(text, isText: false), position: position)
        return decimalNumber(bare) != nil
    }

    /// What the value is, in a few words of one line, for a message.
    var summary: String {
        switch content {
        case .scalar where isNull: "empty"
        case .scalar(let text, isText: true): "the text `\(excerpt(text))`"
        case .scalar(let text, isText: false): "`\(excerpt(text))`"
        case .sequence(let nodes): nodes.isEmpty ? "an empty list" : "a list"
        case .mapping: "a mapping"
        }
    }
}

/// One key of a mapping and its value.
struct YAMLEntry: Hashable, Sendable {
    var key: String
    var position: TextPosition
    var value: YAMLNode
}

/// A place in a text; lines and columns count from 1, columns in Unicode scalars.
struct TextPosition: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static func < (left: TextPosition, right: TextPosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// The beginning of a text that came from a file, on one line and without control characters.
package func excerpt(_ text: String, scalarsMax: Int = 48) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(scalarsMax) {
        let isPlain = scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
        result.unicodeScalars.append(isPlain ? scalar : " ")
    }
    return text.unicodeScalars.count > scalarsMax ? result + "…" : result
}
