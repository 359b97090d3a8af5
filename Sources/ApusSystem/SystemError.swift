package import ApusBase
import Glibc

/// What the operating system refused, on what, and in its own words.
package struct SystemError: Error, Hashable, Sendable {
    /// What was tried, as it follows "cannot": `open`, `start`, `listen on`.
    package var operation: String
    /// The path, program or address that it was tried on.
    package var path: String
    /// The number of the error, such as `ENOENT`.
    package var code: Int32
    /// The error in words.
    package var reason: String

    /// An error with its own words, or with those of the system for `code`.
    package init(_ operation: String, _ path: String, code: Int32, reason: String? = nil) {
        self.operation = operation
        self.path = path
        self.code = code
        self.reason = reason ?? errorText(code)
    }
}

extension SystemError: CustomStringConvertible {
    /// One line such as ``cannot open `corpus.txt`: No such file or directory``.
    package var description: String { "cannot \(operation) `\(path)`: \(reason)" }
}

extension SystemError {
    /// Whether an address to listen on belongs to no interface of this host.
    package var isAddressElsewhere: Bool { code == EADDRNOTAVAIL }

    /// The error as it is shown to the user.
    package var diagnostic: Diagnostic { Diagnostic(.system, problem: description) }
}

/// The words of the system for the number of an error.
func errorText(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else {
            return "error \(code)"
        }
        return String(cString: start)
    }
}

/// Calls `body` again for as long as a signal interrupts it.
func retrying<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}
