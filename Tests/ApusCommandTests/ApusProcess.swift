import ApusTestSupport
import Foundation
import Testing

/// The built `apus` as a process of its own, which a test looks at from outside.
///
/// It is a class because a process has an identity. What is still alive of it when the test lets go
/// of it is killed.
final class ApusProcess {
    /// What a process left: its exit status and what it wrote.
    struct Outcome {
        /// The exit status; 128 + signal where a signal ended it.
        var status: Int32
        var output: String
        var errors: String
        var seconds: Double

        /// What a terminal would show of a command: status, stdout and stderr.
        var transcript: String {
            "exit status \(status)\n--- stdout\n\(output)--- stderr\n\(errors)"
        }
    }

    let folder: TestFolder
    private let process = Process()
    private let name: String
    private let mark = UUID().uuidString
    private let start = Date()

    /// Starts `apus` with these arguments.
    ///
    /// `environment` adds variables to those of this process; an empty one takes a variable away. A
    /// `wrapper` is a program with arguments that starts `apus`, such as `ip netns exec a`. It runs
    /// in the repository, so that messages hold no path of a machine; what it writes is kept in
    /// `folder`, of which `tmp` is its `TMPDIR`.
    init(
        _ arguments: [String], program: String = ApusProcess.program,
        environment: [String: String] = [:], wrapper: [String] = [],
        directory: URL = Repository.root, folder: TestFolder, name: String = "apus"
    ) throws {
        self.folder = folder
        self.name = name
        process.executableURL = URL(filePath: wrapper.isEmpty ? program : "/usr/bin/env")
        process.arguments = wrapper.isEmpty ? arguments : wrapper + [program] + arguments
        process.currentDirectoryURL = directory
        var variables = ProcessInfo.processInfo.environment.filter { name, _ in
            !["RANK", "PMI_RANK", "COLUMNS"].contains(name) && !name.hasPrefix("SLURM_")
                && !name.hasPrefix("OMPI_")
        }
        variables["NO_COLOR"] = "1"
        variables["TMPDIR"] = try folder.subfolder("tmp")
        variables[Self.markName] = mark
        variables.merge(environment) { $1 }
        process.environment = variables.filter { !$0.value.isEmpty }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try folder.writing("\(name).out")
        process.standardError = try folder.writing("\(name).err")
        try process.run()
    }

    deinit { killAll() }

    /// Runs `apus` to its end.
    static func run(
        _ arguments: String..., environment: [String: String] = [:], limit: Double = 30
    ) throws -> Outcome {
        let folder = try TestFolder()
        return try ApusProcess(arguments, environment: environment, folder: folder)
            .end(within: limit)
    }

    /// Waits for the end; after the limit, in seconds, the process is killed and the test fails.
    func end(
        within limit: Double, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let isOver = waits(upTo: limit) { !process.isRunning }
        if !isOver {
            killAll()
            _ = waits(upTo: 5) { !process.isRunning }
        }
        let outcome = Outcome(
            status: process.isRunning
                ? -1 : process.terminationStatus + (process.terminationReason == .exit ? 0 : 128),
            output: try folder.text("\(name).out"), errors: try folder.text("\(name).err"),
            seconds: Date().timeIntervalSince(start))
        if !isOver {
            Issue.record(
                "no end after \(limit) s\n\(outcome.transcript)", sourceLocation: sourceLocation)
        }
        return outcome
    }

    var pid: Int32 { process.processIdentifier }
    var hasEnded: Bool { !process.isRunning }
    /// What the process has written to stdout so far.
    var output: String { (try? folder.text("\(name).out")) ?? "" }

    /// The processes that this one started, and itself, as far as they live.
    var alive: [Int32] { liveProcesses(withVariable: "\(Self.markName)=\(mark)") }
    /// The same without this one: the ranks of a job.
    var started: [Int32] { alive.filter { $0 != pid } }

    func send(_ signal: Int32) { kill(pid, signal) }

    private func killAll() {
        for pid in alive { kill(pid, SIGKILL) }
    }

    private static let markName = "APUS_TEST_MARK"

    /// The binary that was built with these tests, in the folder of the test bundle.
    static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "apus").path
}

/// Looks every few milliseconds whether something has come about, for at most `limit` seconds.
func waits(upTo limit: Double, until isTrue: () -> Bool) -> Bool {
    let end = Date().addingTimeInterval(limit)
    while Date() < end {
        if isTrue() { return true }
        usleep(5_000)
    }
    return isTrue()
}

/// A folder for one test, with files of its own; it goes when the test lets go of it.
final class TestFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appending(path: "apus-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func subfolder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Writes a file and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }

    func text(_ name: String) throws -> String {
        try String(contentsOf: URL(filePath: "\(path)/\(name)"), encoding: .utf8)
    }

    /// A new empty file that a process may write to.
    fileprivate func writing(_ name: String) throws -> FileHandle {
        _ = try write("", to: name)
        return try FileHandle(forWritingTo: URL(filePath: "\(path)/\(name)"))
    }
}
