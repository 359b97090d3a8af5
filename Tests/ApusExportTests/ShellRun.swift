import Foundation
import Testing

/// A script in a folder of its own, in which `python3` tells the arguments it gets.
///
/// Shell functions stand in for programs: a program that is written while another test starts a
/// process could not be started.
final class ShellRun {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "apus-export-\(UUID().uuidString)")
    private let script: String
    private let functions: String

    init(_ text: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        script = folder.appending(path: "script.sh").path
        try Data(text.utf8).write(to: URL(filePath: script))
        functions = folder.appending(path: "functions.sh").path
        let text = """
            python3() { printf '%s\\0' "$@"; }
            exec() { "$@"; exit; }

            """
        try Data(text.utf8).write(to: URL(filePath: functions))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What the script's `python3` is called with as rank 0.
    func arguments(
        environment: [String: String] = [:], with arguments: [String] = []
    ) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = [script] + arguments
        process.environment = ["PATH": "/usr/bin:/bin", "RANK": "0", "BASH_ENV": functions]
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
