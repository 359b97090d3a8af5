import Foundation
import Testing

/// Two network namespaces of this machine with a link between them, as if they were two hosts.
///
/// It is a class because the namespaces exist once; they are taken down when the test lets go of
/// it.
final class NetworkNamespaces {
    let names = ["apus\(getpid())a", "apus\(getpid())b"]
    let addresses = ["10.213.77.1", "10.213.77.2"]

    /// Whether this user may make namespaces and has the tool for it.
    static let arePossible: Bool = {
        guard geteuid() == 0, let probe = try? NetworkNamespaces() else { return false }
        return probe.names.count == 2
    }()

    init() throws {
        try removeAbandoned()
        let links = names.map { "\($0)l" }
        for name in names { try ip("netns", "add", name) }
        // Both ends are made inside the namespaces, so that this machine's own never has them.
        try ip(
            "link", "add", links[0], "netns", names[0], "type", "veth", "peer", "name", links[1],
            "netns", names[1])
        for index in 0..<2 {
            let inside = ["-n", names[index]]
            try ip(inside + ["address", "add", "\(addresses[index])/30", "dev", links[index]])
            try ip(inside + ["link", "set", links[index], "up"])
            try ip(inside + ["link", "set", "lo", "up"])
        }
    }

    deinit {
        for name in names { _ = try? ip("netns", "delete", name) }
    }

    /// Takes down what tests left that were killed: namespaces that are named after a process that
    /// no longer lives.
    private func removeAbandoned() throws {
        for line in try ip("netns", "list").split(separator: "\n") {
            guard let match = line.firstMatch(of: /^apus(\d+)[ab]\b/), let pid = Int32(match.1),
                kill(pid, 0) != 0
            else { continue }
            try ip("netns", "delete", String(line.prefix { $0 != " " }))
        }
    }

    /// The bytes that the first namespace has sent to the second.
    func bytesSent() throws -> Int {
        let text = try ip("netns", "exec", names[0], "cat", "/proc/net/dev")
        let line = try #require(text.split(separator: "\n").first { $0.contains("\(names[0])l:") })
        // After the name: eight columns of what was received, then the bytes that were sent.
        let fields = line.split(whereSeparator: { $0 == " " || $0 == ":" })
        return try #require(fields.count > 9 ? Int(fields[9]) : nil)
    }

    @discardableResult
    private func ip(_ arguments: String...) throws -> String { try ip(arguments) }

    @discardableResult
    private func ip(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["ip"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CocoaError(.featureUnsupported, userInfo: [NSDebugDescriptionErrorKey: text])
        }
        return text
    }
}
