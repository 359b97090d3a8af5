import ApusBase

/// A diagnostic as `--json` gives it out; a field that says nothing is left out.
struct DiagnosticRecord: Encodable {
    var code: String
    var severity: String
    var file: String?
    var line: Int?
    var column: Int?
    var path: String?
    var problem: String
    var details: [String]?
    var expected: String?
    var hint: String?

    init(_ diagnostic: Diagnostic) {
        code = diagnostic.code.rawValue
        severity = diagnostic.severity.rawValue
        file = diagnostic.location?.file
        line = diagnostic.location?.line
        column = diagnostic.location?.column
        path = diagnostic.path
        problem = diagnostic.problem
        details = diagnostic.details.isEmpty ? nil : diagnostic.details
        expected = diagnostic.expected
        hint = diagnostic.hint
    }
}
