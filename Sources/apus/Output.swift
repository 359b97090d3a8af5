import ApusBase
import ApusSystem
import ArgumentParser
import Foundation

/// Exit statuses beside 0, as `docs` and the help text list them.
extension ExitCode {
    /// The answer is no.
    static let no = ExitCode(1)
    /// No answer could be given.
    static let noAnswer = ExitCode(2)
    static let interrupted = ExitCode(130)
}

private let standardOutput = Descriptor(takingOver: 1)
private let standardError = Descriptor(takingOver: 2)

/// Writes a line to stdout at once, so that a log shows it when it happens.
func writeLine(_ line: String) throws(SystemError) {
    do throws(SystemError) {
        try standardOutput.write(Array((line + "\n").utf8))
    } catch {
        throw SystemError("write to", "stdout", code: error.code)
    }
}

/// Writes a line of the answer to stdout; an answer that cannot be written ends the process.
func printLine(_ line: String) {
    do throws(SystemError) {
        try writeLine(line)
    } catch {
        printMessage(error.diagnostic.description)
        endProcess(status: ExitCode.noAnswer.rawValue)
    }
}

/// Writes a line to stderr; where nobody can read it there is nobody to tell.
func printMessage(_ line: String) {
    try? standardError.write(Array((line + "\n").utf8))
}

/// Prints diagnostics to stderr, with a blank line between two; nothing where there are none.
func printDiagnostics(_ diagnostics: [Diagnostic], colored: Bool) {
    guard !diagnostics.isEmpty else { return }
    let texts = diagnostics.map { diagnostic in
        guard colored else { return diagnostic.description }
        let color = diagnostic.severity == .error ? "31" : "33"
        let word = "\(diagnostic.severity.rawValue):"
        return diagnostic.description.replacingOccurrences(
            of: word, with: "\u{1B}[1;\(color)m\(word)\u{1B}[0m", range: nil)
    }
    printMessage(texts.joined(separator: "\n\n"))
}

/// Prints one JSON document on stdout, with its keys in order.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    printLine(String(decoding: try encoder.encode(value), as: UTF8.self))
}

extension ParsableCommand {
    /// Runs `body`; prints what it throws for the user and turns it into the exit status.
    func answering(_ options: SharedOptions, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let problems as Problems {
            printDiagnostics(problems.diagnostics, colored: options.isColored(2))
            throw ExitCode.noAnswer
        } catch let error as SystemError {
            printDiagnostics([error.diagnostic], colored: options.isColored(2))
            throw ExitCode.noAnswer
        } catch let error as ValidationError {
            // ArgumentParser would show the usage of `apus` instead of that of its command.
            printMessage("Error: \(error.message)\n  See 'apus help' for more information.")
            throw ExitCode.validationFailure
        }
    }
}
