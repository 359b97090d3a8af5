package import ApusBase
package import ApusEngine

/// Why a rank could not go on, and at which instruction.
package struct RuntimeError: Error, Sendable {
    package enum Cause: Sendable {
        case engine(EngineError)
        /// What a check found, in words.
        case check(String)
    }

    package var rank: Rank
    package var step: Int
    /// The instruction's index and text; `nil` outside the program.
    package var instruction: (index: Int, text: String)?
    package var cause: Cause
    /// Whether the rank failed at an instruction in which others take part.
    package var isCommunication: Bool
}

extension RuntimeError {
    /// The error as it is shown to the user.
    package var diagnostic: Diagnostic { Diagnostic(.rankFailed, problem: description) }
}

extension RuntimeError: CustomStringConvertible {
    package var description: String {
        let place = instruction.map { " at instruction \($0.index) `\($0.text)`" } ?? ""
        let reason =
            switch cause {
            case .engine(let error): "\(error.operation): \(error.message)"
            case .check(let text): text
            }
        return "rank \(rank), step \(step)\(place): \(reason)"
    }
}
