import ApusBase
import Yams

/// Turns the text of a YAML or JSON file into a tree with positions, within `FileLimits`.
///
/// Everything that is wrong with the text is collected in `problems`; there is no tree where the
/// text cannot be understood at all.
struct YAMLParser {
    let file: String
    private(set) var problems: [Diagnostic] = []
    private var nodeCount = 0
    /// First letters of the keys that were hidden from Yams because they are given again later.
    private var hiddenKeys: [TextPosition: Unicode.Scalar] = [:]

    init(file: String) { self.file = file }

    mutating func parse(_ text: String) -> YAMLNode? {
        guard checkAliases(in: text), let root = compose(text) else { return nil }
        return node(root, depth: 1)
    }

    func location(_ position: TextPosition?) -> Diagnostic.Location {
        .init(file: file, line: position?.line, column: position?.column)
    }

    /// Counts what can be an alias; Yams compares keys before anyone could count what they hold.
    private mutating func checkAliases(in text: String) -> Bool {
        var position = TextPosition(line: 1, column: 0)
        var count = 0
        var last: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            position.column += 1
            let startsName = isNameScalar(scalar) && last == "*"
            count += startsName ? 1 : 0
            if count > FileLimits.aliasCount {
                position.column -= 1
                problems.append(
                    Diagnostic(
                        .yamlLimit, location: location(position),
                        problem: "the file uses more aliases (`*name`) than Apus reads",
                        expected: "at most \(FileLimits.aliasCount) aliases",
                        hint: "write the values out where they are needed"))
                return false
            }
            if scalar == "\n" { position = TextPosition(line: position.line + 1, column: 0) }
            last = scalar
        }
        return true
    }

    private func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar == "-" || scalar.properties.isAlphabetic
            || ("0"..."9").contains(scalar)
    }
}

/// Yams, and what it says.
extension YAMLParser {
    /// The tree that Yams makes of the text.
    ///
    /// Yams gives up at the first key that is given twice. The first of the two is then hidden
    /// under another name and the text is read again, so that a second key costs nobody the rest of
    /// the messages; a large file gets fewer such rounds than a small one.
    private mutating func compose(_ text: String) -> Node? {
        var text = text
        let roundsMax = min(16, 2 * FileLimits.size.count / (text.utf8.count + 1))
        for round in 0...max(1, roundsMax) {
            do {
                let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
                guard let root = try parser.singleRoot() else { return nil }
                return root
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let position = TextPosition(line: context.mark.line, column: context.mark.column)
                if round < roundsMax, hideKey(at: position, in: &text, round: round) { continue }
                problems.append(duplicateKey(keys.first ?? "", at: position, first: nil))
                return nil
            } catch let error as YamlError {
                problems.append(syntaxProblem(error, in: text))
                return nil
            } catch {
                problems.append(syntaxProblem(.no, in: text))
                return nil
            }
        }
        return nil
    }

    /// Replaces the first letter of the key at a position by one that no file uses.
    private mutating func hideKey(
        at position: TextPosition, in text: inout String, round: Int
    ) -> Bool {
        guard var index = scalarIndex(of: position, in: text),
            let replacement = Unicode.Scalar(0xF700 + UInt32(round))
        else { return false }
        var scalars = text.unicodeScalars
        if scalars[index] == "\"" || scalars[index] == "'" { index = scalars.index(after: index) }
        guard index < scalars.endIndex, isNameScalar(scalars[index]) else { return false }
        hiddenKeys[position] = scalars[index]
        scalars.replaceSubrange(index...index, with: [replacement])
        text = String(scalars)
        return true
    }

    private func scalarIndex(of position: TextPosition, in text: String) -> String.Index? {
        var place = TextPosition(line: 1, column: 1)
        let scalars = text.unicodeScalars
        for index in scalars.indices {
            if place == position { return index }
            if place > position { return nil }
            place.column += 1
            if scalars[index] == "\n" { place = TextPosition(line: place.line + 1, column: 1) }
        }
        return nil
    }
}

/// From what Yams read to a tree of our own.
extension YAMLParser {
    private mutating func node(_ node: Node, depth: Int) -> YAMLNode? {
        nodeCount += 1
        let position = position(of: node)
        guard depth <= FileLimits.nestingDepth, nodeCount <= FileLimits.nodeCount else {
            if !problems.contains(where: { $0.code == .yamlLimit }) {
                problems.append(limitProblem(at: position, isDeep: depth > FileLimits.nestingDepth))
            }
            return nil
        }
        switch node {
        case .scalar(let scalar):
            let isText = scalar.style != .plain || scalar.tag.rawValue == Tag.Name.str.rawValue
            return YAMLNode(
                content: .scalar(scalar.string, isText: isText), position: position)
        case .sequence(let sequence):
            var nodes: [YAMLNode] = []
            for element in sequence {
                guard let element = self.node(element, depth: depth + 1) else { return nil }
                nodes.append(element)
            }
            return YAMLNode(content: .sequence(nodes), position: position)
        case .mapping(let mapping):
            guard let entries = entries(mapping, depth: depth) else { return nil }
            return YAMLNode(content: .mapping(entries), position: position)
        case .alias:
            return YAMLNode(content: .scalar("", isText: false), position: position)
        }
    }

    private func position(of node: Node) -> TextPosition {
        guard let mark = node.mark else { return TextPosition(line: 1, column: 1) }
        return TextPosition(line: mark.line, column: mark.column)
    }

    private mutating func entries(_ mapping: Node.Mapping, depth: Int) -> [YAMLEntry]? {
        var entries: [YAMLEntry] = []
        var hidden: [YAMLEntry] = []
        for (key, value) in mapping {
            let position = position(of: key)
            guard case .scalar(let scalar) = key else {
                problems.append(
                    Diagnostic(
                        .wrongType, location: location(position),
                        problem: "a key is a list or a mapping", expected: "text as a key"))
                continue
            }
            guard let value = node(value, depth: depth + 1) else { return nil }
            if let first = hiddenKeys[position] {
                let name = String(first) + String(scalar.string.unicodeScalars.dropFirst())
                hidden.append(YAMLEntry(key: name, position: position, value: value))
            } else {
                entries.append(YAMLEntry(key: scalar.string, position: position, value: value))
            }
        }
        for first in hidden {
            let second = entries.first { $0.key == first.key }
            problems.append(
                duplicateKey(
                    first.key, at: second?.position ?? first.position, first: first.position))
        }
        return entries
    }
}
