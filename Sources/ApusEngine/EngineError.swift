package import ApusBase

/// A call of the engine that did not succeed.
package struct EngineError: Error, Hashable, Sendable {
    /// What was asked for, such as `attention`.
    package let operation: String
    /// The library's reason in one line.
    package let message: String
    /// The stable code of the diagnostic.
    package let code: String
    package let hint: String?

    init(_ operation: String, _ message: String, code: String = "engine", hint: String? = nil) {
        self.operation = operation
        self.message = message
        self.code = code
        self.hint = hint
    }
}

extension EngineError: CustomStringConvertible {
    package var description: String { "\(operation): \(message)" }

    /// The error as it is shown to the user.
    package var diagnostic: Diagnostic {
        let problem = code == "engine" ? "engine: \(description)" : message
        return Diagnostic(code, problem: problem, hint: hint)
    }
}
