import Foundation
import Testing

/// A script in a folder of its own, with a `python3` that tells the arguments it gets.
final class ShellRun {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "apus-export-\(UUID().uuidString)")
    private let script: String

    init(_ text: String, named name: String = "script.sh") throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        script = folder.appending(path: name).path
        try Data(text.utf8).write(to: URL(filePath: script))
        let program = folder.appending(path: "python3").path
        try Data("#!/bin/bash\nprintf '%s\\0' \"$@\"\n".utf8).write(to: URL(filePath: program))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: program)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What the script's `python3` is called with as rank 0.
    func arguments(
        environment: [String: String] = [:], with arguments: [String] = []
    ) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = [script] + arguments
        process.environment = ["PATH": "\(folder.path):/usr/bin:/bin", "RANK": "0"]
            .merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return output.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
