import ApusBase
import Yams

/// What is said about a text that is no tree.
extension YAMLParser {
    func duplicateKey(
        _ key: String, at position: TextPosition, first: TextPosition?
    ) -> Diagnostic {
        Diagnostic(
            .duplicateKey, location: location(position),
            problem: "the key `\(excerpt(key))` is given twice",
            details: first.map { ["first on line \($0.line)"] } ?? [],
            hint: "keep one of the two")
    }

    func limitProblem(at position: TextPosition?, isDeep: Bool) -> Diagnostic {
        Diagnostic(
            .yamlLimit, location: location(position),
            problem: isDeep
                ? "values are nested more than \(FileLimits.nestingDepth) deep"
                : "the file holds more than \(grouped(FileLimits.nodeCount)) values",
            expected: isDeep
                ? "at most \(FileLimits.nestingDepth) levels"
                : "at most \(grouped(FileLimits.nodeCount)) values, an alias counted wherever it "
                    + "is used")
    }

    func syntaxProblem(_ error: YamlError, in text: String) -> Diagnostic {
        var position: TextPosition?
        var problem = "the text cannot be read"
        switch error {
        case .scanner(_, let what, let mark, _), .parser(_, let what, let mark, _),
            .composer(_, let what, let mark, _):
            problem = what
            position = TextPosition(line: mark.line, column: mark.column)
        case .reader(let what, let offset, _, _):
            problem = what
            position = offset.map { place(ofCharacter: $0, in: text) }
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded,
            .duplicatedKeysInMapping:
            break
        }
        // The library nests up to a limit of its own, which is far beyond ours.
        if problem.hasPrefix("Maximum nesting level") {
            return limitProblem(at: position, isDeep: true)
        }
        let line = position.map { lineText($0.line, in: text) } ?? ""
        let hasTab = line.prefix { $0 == " " || $0 == "\t" }.contains("\t")
        return Diagnostic(
            .yamlSyntax, location: location(position),
            problem: "this is not YAML: \(excerpt(problem, scalarsMax: 120))",
            details: line.allSatisfy(\.isWhitespace)
                ? [] : ["`\(window(line, around: position?.column ?? 1))`"],
            hint: hasTab ? "indent with spaces: YAML takes no tabs there" : nil)
    }

    /// The part of a line that a message quotes.
    private func window(_ line: String, around column: Int) -> String {
        guard column > 40 else { return excerpt(line) }
        return "…" + excerpt(String(line.unicodeScalars.dropFirst(column - 24)))
    }

    private func place(ofCharacter offset: Int, in text: String) -> TextPosition {
        var place = TextPosition(line: 1, column: 1)
        for character in text.prefix(offset) {
            place.column += character.unicodeScalars.count
            if character.isNewline { place = TextPosition(line: place.line + 1, column: 1) }
        }
        return place
    }

    private func lineText(_ line: Int, in text: String) -> String {
        let lines = text.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
        guard line >= 1, line <= lines.count else { return "" }
        return String(lines[line - 1])
    }
}
