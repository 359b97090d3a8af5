package import ApusBase

/// A call of the engine that did not succeed.
package struct EngineError: Error, Hashable, Sendable {
    /// What was asked for, such as `attention`.
    package let operation: String
    /// The library's reason in one line.
    package let message: String
    /// The stable code of the diagnostic.
    package let code: DiagnosticCode
    package let hint: String?

    package init(
        _ operation: String, _ message: String, code: DiagnosticCode = .engine, hint: String? = nil
    ) {
        self.operation = operation
        self.message = withoutDecoration(message)
        self.code = code
        self.hint = hint
    }
}

extension EngineError: CustomStringConvertible {
    package var description: String { "\(operation): \(message)" }

    /// The error as it is shown to the user.
    package var diagnostic: Diagnostic {
        let problem = code == .engine ? "engine: \(description)" : message
        return Diagnostic(code, problem: problem, hint: hint)
    }
}

/// The reason without what Gloo puts around it: the source line before, advice and an emoji after.
private func withoutDecoration(_ message: String) -> String {
    var text = message[...]
    if text.hasPrefix("["), let end = text.firstIndex(of: "]"), text[..<end].contains(".cc:") {
        text = text[text.index(after: end)...].drop { $0 == " " }
    }
    // Without Foundation there is no search for a string: the sentence starts after a full stop.
    let sentences = text.split(separator: ". ", omittingEmptySubsequences: false)
    let kept = sentences.prefix { !$0.hasPrefix("This is typically caused by") }
    return kept.isEmpty ? String(text) : kept.joined(separator: ". ")
}
