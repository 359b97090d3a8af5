import ApusTestSupport
import Foundation
import Testing

@Suite("apus doctor", .serialized, .timeLimit(.minutes(1)))
struct DoctorTests {
    @Test("an engine that cannot be opened is named with the way to get it, with status 1")
    func namesBrokenEngine() throws {
        let outcome = try ApusProcess.run("doctor", "--engine", "/nowhere/engine.so")
        #expect(outcome.status == 1)
        try expectSnapshot(withoutHost(outcome.transcript), named: "doctor-without-engine")
    }

    @Test("where no engine is found, the places that count are named")
    func namesPlaces() throws {
        // A copy of the binary outside the repository, so that no engine lies above it.
        let folder = try TestFolder()
        let copy = "\(folder.path)/apus"
        try FileManager.default.copyItem(atPath: ApusProcess.program, toPath: copy)
        let outcome = try ApusProcess(
            ["doctor"], program: copy, environment: ["APUS_ENGINE": ""],
            directory: URL(filePath: folder.path), folder: folder
        ).end(within: 20)
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == """
                error: no engine was found  [engine-missing]
                  expected: `.deps/engine/libapus_engine.so`, or the path in `APUS_ENGINE` or \
                `--engine`
                  hint: `make build` builds it; planning, simulating and auditing work without one

                """)
    }

    @Test("as JSON it is one document, with the problems in it")
    func printsJSON() throws {
        let outcome = try ApusProcess.run("doctor", "--json", "--engine", "/nowhere/engine.so")
        #expect(outcome.status == 1)
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        let report = try #require(document as? [String: Any])
        #expect((report["cores"] as? Int ?? 0) > 0)
        let problems = try #require(report["problems"] as? [[String: Any]])
        #expect(problems.map { $0["code"] as? String } == ["engine-missing"])
        #expect(problems.map { $0["severity"] as? String } == ["error"])
        #expect(problems.allSatisfy { ($0["hint"] as? String)?.isEmpty == false })
    }

    @Test("a working engine is described, with status 0", .enabled(if: TrainingRun.hasEngine))
    func describesEngine() throws {
        let outcome = try ApusProcess.run("doctor")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains(/\nengine  .+: ABI \d+, PyTorch \d+\./))
        #expect(outcome.output.hasSuffix("ready   to plan, prove and train\n"))
    }

    /// The text without what only this machine has.
    private func withoutHost(_ text: String) -> String {
        text.replacing(/host    .*/, with: "host    …")
    }
}
