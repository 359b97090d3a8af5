import ApusBase

/// A mapping of a file together with the table of the keys that it may hold.
struct Section {
    /// The key path of the section, empty at the root.
    var path: String
    var fields: [Field]
    var entries: [YAMLEntry]

    func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func value(_ key: String) -> YAMLNode? { entries.first { $0.key == key }?.value }

    func content(of key: String) -> Field.Content {
        guard let field = fields.first(where: { $0.key == key }) else {
            preconditionFailure("the table of `\(path)` names every key that is read")
        }
        return field.content
    }
}

/// Reads the values of sections and collects what is wrong with them.
///
/// A reading function always gives a value: where the file gives none that can be used, the problem
/// is noted, the key path is marked as unusable, and a stand-in lets reading go on to the next
/// problem.
struct FieldReader {
    let file: String
    private(set) var problems: [Diagnostic] = []
    private(set) var problemsLeftOut = 0
    var positions = KeyPositions()
    /// The key paths whose values are stand-ins.
    private(set) var unusable: Set<String> = []

    init(file: String, problems: [Diagnostic] = []) {
        self.file = file
        self.problems = problems
    }

    mutating func report(_ problem: Diagnostic) {
        if isFull { problemsLeftOut += 1 } else { problems.append(problem) }
    }

    private var isFull: Bool { problems.count >= FileLimits.problemCount }

    mutating func markUnusable(_ path: String) { unusable.insert(path) }

    /// Notes that the value at `path` cannot be used.
    mutating func reject(
        _ code: DiagnosticCode, _ path: String, _ problem: String, expected: String? = nil,
        hint: String? = nil
    ) {
        markUnusable(path)
        let location = positions.location(of: path)
        report(
            Diagnostic(
                code, location: location, path: path, problem: problem, expected: expected,
                hint: hint))
    }

    mutating func rejectType(_ path: String, _ node: YAMLNode, expected: String) {
        var hint: String?
        if node.isNull { hint = "give it a value, or leave the key out" }
        if node.isQuotedNumber { hint = "write the number without quotes" }
        reject(
            .wrongType, path, "`\(path)` is \(node.summary)", expected: expected, hint: hint)
    }

    mutating func rejectMissing(_ key: String, in section: Section, expected: String) {
        let path = section.path(of: key)
        guard !unusable.contains(path) else { return }
        reject(.missingKey, path, "`\(path)` is missing", expected: expected)
    }

    /// Takes over what a reader of another file found.
    ///
    /// `path` is the key under which that file's values stand in this one.
    mutating func absorb(_ other: FieldReader, under path: String, keys: [Field]) {
        for problem in other.problems { report(problem) }
        problemsLeftOut += other.problemsLeftOut
        for key in keys.map(\.key) {
            if let location = other.positions.location(of: key) {
                positions.insert(location, for: "\(path).\(key)")
            }
            if other.unusable.contains(key) { markUnusable("\(path).\(key)") }
        }
        if other.unusable.contains("") { markUnusable(path) }
    }
}

extension FieldReader {
    /// The problems of the file itself by position, then those of other files.
    func sortedProblems() -> [Diagnostic] {
        var sorted = problems.sortedByPosition(first: file)
        if problemsLeftOut > 0 {
            sorted.append(
                Diagnostic(
                    .moreProblems, location: .init(file: file),
                    problem: "\(grouped(problemsLeftOut)) more problems are not shown",
                    hint: "mend the ones above first"))
        }
        return sorted
    }
}

/// Sections.
extension FieldReader {
    /// The section at the root of a file.
    mutating func root(_ node: YAMLNode?, fields: [Field], what: String) -> Section? {
        positions.insert(.init(file: file, line: 1, column: 1), for: "")
        let expected = "a mapping with \(fields.map { "`\($0.key)`" }.joined(separator: ", "))"
        guard let node, !node.isNull else {
            report(
                Diagnostic(
                    .wrongType, location: .init(file: file), problem: "\(what) is empty",
                    expected: expected))
            return nil
        }
        return section(node, path: "", fields: fields, what: what)
    }

    /// The section under a key, or `nil` where it is missing or is none.
    mutating func section(_ key: String, in parent: Section, fields: [Field]) -> Section? {
        guard let node = parent.value(key) else { return nil }
        return section(node, path: parent.path(of: key), fields: fields)
    }

    /// The sections of a list.
    mutating func sections(_ key: String, in parent: Section, fields: [Field]) -> [Section] {
        guard let node = parent.value(key) else { return [] }
        let path = parent.path(of: key)
        guard case .sections(let countMax) = parent.content(of: key) else {
            preconditionFailure("`\(path)` is a list in its table")
        }
        guard case .sequence(let nodes) = node.content, nodes.count <= countMax else {
            rejectType(path, node, expected: "a list of at most \(countMax) mappings")
            return []
        }
        return nodes.enumerated().compactMap { index, node in
            let location = Diagnostic.Location(
                file: file, line: node.position.line, column: node.position.column)
            positions.insert(location, for: "\(path)[\(index)]")
            return section(node, path: "\(path)[\(index)]", fields: fields)
        }
    }

    /// A section with positions of its keys; keys that its table does not name are reported.
    mutating func section(
        _ node: YAMLNode, path: String, fields: [Field], what: String? = nil
    ) -> Section? {
        guard case .mapping(let entries) = node.content else {
            let keys = fields.prefix(4).map { "`\($0.key)`" }.joined(separator: ", ")
            markUnusable(path)
            report(
                Diagnostic(
                    .wrongType, location: positions.location(of: path), path: path,
                    problem: "\(what ?? "`\(path)`") is \(node.summary)",
                    expected: "a mapping with keys such as \(keys)"))
            return nil
        }
        let section = Section(path: path, fields: fields, entries: entries)
        for entry in entries {
            let isKnown = fields.contains { $0.key == entry.key }
            let location = Diagnostic.Location(
                file: file, line: entry.position.line, column: entry.position.column)
            if isKnown {
                positions.insert(location, for: section.path(of: entry.key))
            } else if isFull {
                problemsLeftOut += 1
            } else {
                rejectUnknown(entry.key, in: section, at: location)
            }
        }
        return section
    }

    /// Reports a key that the table does not name; where it is a slip for one that is missing, that
    /// one's value is not known, which is no problem of its own.
    private mutating func rejectUnknown(
        _ key: String, in section: Section, at location: Diagnostic.Location
    ) {
        let suggestion = suggestion(for: key, in: section)
        let path = section.path(of: excerpt(key))
        if let nearest = suggestion.nearest, section.value(nearest) == nil {
            markUnusable(section.path(of: nearest))
        }
        report(
            Diagnostic(
                .unknownKey, location: location, path: path, problem: "unknown key `\(path)`",
                expected: suggestion.expected, hint: suggestion.hint))
    }

    /// The key that was meant, or those that a reader needs: not the many that only pass through.
    private func suggestion(for key: String, in section: Section) -> Suggestion {
        let suggestion = Suggestion(for: key, among: section.fields.map(\.key))
        guard suggestion.nearest == nil else { return suggestion }
        let needed = section.fields.filter { field in
            if case .anything = field.content { false } else { true }
        }
        return Suggestion(for: key, among: needed.map(\.key))
    }
}
