/// One thing that is wrong with what a user gave, or one thing that a user should know.
///
/// It says where, what is wrong, what was expected and how to mend it. Its `code` is stable, and
/// `docs/diagnostics/<code>.md` explains it.
package struct Diagnostic: Hashable, Sendable {
    package enum Severity: String, Hashable, Sendable {
        case error, warning, note
    }

    /// A place in a file; lines and columns count from 1.
    package struct Location: Hashable, Sendable {
        package var file: String
        package var line: Int?
        package var column: Int?

        package init(file: String, line: Int? = nil, column: Int? = nil) {
            self.file = file
            self.line = line
            self.column = column
        }
    }

    package var code: DiagnosticCode
    package var severity: Severity
    package var location: Location?
    /// The key path in the file, such as `plan.expert_parallel`.
    package var path: String?
    package var problem: String
    /// Lines of numbers that prove the problem, without indentation.
    package var details: [String]
    package var expected: String?
    package var hint: String?

    package init(
        _ code: DiagnosticCode, severity: Severity = .error, location: Location? = nil,
        path: String? = nil, problem: String, details: [String] = [], expected: String? = nil,
        hint: String? = nil
    ) {
        self.code = code
        self.severity = severity
        self.location = location
        self.path = path
        self.problem = problem
        self.details = details
        self.expected = expected
        self.hint = hint
    }
}

/// Everything that keeps Apus from giving an answer about what a user gave.
package struct Problems: Error, Hashable, Sendable {
    package var diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
}

extension Diagnostic: CustomStringConvertible {
    /// The message as it is printed: location, severity, problem and code on the first line, then
    /// the details, what was expected and the hint, each indented by two spaces.
    package var description: String {
        var place = ""
        if let location {
            place =
                [location.file, location.line.map(String.init), location.column.map(String.init)]
                .compactMap(\.self).joined(separator: ":") + ": "
        }
        var lines = ["\(place)\(severity.rawValue): \(problem)  [\(code.rawValue)]"]
        lines += details.map { "  \($0)" }
        if let expected { lines.append("  expected: \(expected)") }
        if let hint { lines.append("  hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}
