/// What a rank tells its supervisor through its report pipe, one line each.
///
/// Lines of other forms, such as a log line in JSON, are for whoever runs the job; the supervisor
/// passes them on.
package enum RankReport: Hashable, Sendable {
    /// The rank has begun a phase of a step, such as `backward`.
    case progress(step: Int, phase: String)
    /// The rank is about to exit with an error.
    ///
    /// A communication error is one that a dying peer causes too, such as a connection that was
    /// reset; a rank with such an error is a culprit only when there is no better one.
    case failure(String, isCommunication: Bool)

    /// The line without its line break, such as `apus: step 81 backward`.
    package var line: String {
        switch self {
        case .progress(let step, let phase):
            "\(Self.mark)step \(step) \(Self.oneLine(phase))"
        case .failure(let text, let isCommunication):
            "\(Self.mark)\(isCommunication ? "lost" : "failed") \(Self.oneLine(text))"
        }
    }

    /// Reads a line that `line` wrote; any other gives nothing.
    package init?(line: some StringProtocol) {
        guard line.hasPrefix(Self.mark) else { return nil }
        let words = line.dropFirst(Self.mark.count)
        guard let space = words.firstIndex(of: " ") else { return nil }
        let rest = words[words.index(after: space)...]
        switch words[..<space] {
        case "failed": self = .failure(String(rest), isCommunication: false)
        case "lost": self = .failure(String(rest), isCommunication: true)
        case "step":
            let parts = rest.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let step = Int(parts[0]), step >= 0 else { return nil }
            self = .progress(step: step, phase: String(parts[1]))
        default: return nil
        }
    }

    private static let mark = "apus: "

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}

/// Whether the words of a failed rank say that a peer could not be reached.
///
/// The texts are those of Gloo, NCCL and the system for a peer that is gone or silent.
package func tellsOfLostPeer(_ text: String) -> Bool {
    let signs = [
        "reset by peer", "closed by peer", "Connection refused", "Broken pipe", "Timed out waiting",
        "Socket Timeout", "unhandled system error", "remote process exited",
    ]
    let lowered = text.lowercased()
    return signs.contains { lowered.contains($0.lowercased()) }
}
