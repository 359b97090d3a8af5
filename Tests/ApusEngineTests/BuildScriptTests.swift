import Foundation
import Testing

@Suite("The script that builds the engine")
struct BuildScriptTests {
    @Test("says which libtorch it did not find, and what to do", .timeLimit(.minutes(1)))
    func refuses() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["scripts/build-engine"]
        process.currentDirectoryURL = URL(fileURLWithPath: EngineUnderTest.checkout)
        var environment = ProcessInfo.processInfo.environment
        environment["APUS_LIBTORCH"] = "/nowhere"
        process.environment = environment
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 2)
        #expect(
            String(decoding: text, as: UTF8.self) == """
                error: no libtorch found in `/nowhere`  [engine-build]
                  hint: `make build` fetches one; or let `APUS_LIBTORCH` name yours, with include/ \
                and lib/

                """)
    }
}
