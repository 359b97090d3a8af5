import ApusTestSupport
import Foundation
import Testing

@Suite(
    "apus train --trace and apus compare", .serialized, .enabled(if: TrainingRun.hasEngine),
    .timeLimit(.minutes(2)))
struct CompareCommandTests {
    private func document(_ arguments: String...) throws -> [String: Any] {
        let folder = try TestFolder()
        let outcome = try ApusProcess(["compare"] + arguments + ["--json"], folder: folder)
            .end(within: 30)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(document as? [String: Any])
    }

    @Test("a run's trace holds its last steps of all ranks, and sent what was planned to the byte")
    func tracesRun() throws {
        let run = try TrainingRun()
        let outcome = try run.start(
            "--steps", "5", "--trace", run.path("run.trace"), "--trace-steps", "2", "--log",
            run.path("run.jsonl")
        ).end(within: 60)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        #expect(outcome.output.contains("\ntrace   \(run.path("run.trace"))\n"))
        let lines = try run.folder.text("run.trace").split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("{\"rank\":") }.count == 4)
        let steps = Set(lines.filter { $0.hasPrefix("[") }.map { $0.dropFirst().first })
        #expect(steps == ["4", "5"])

        let compared = try document(run.path("run.trace"), "Plans/small.yaml")
        #expect(compared["steps"] as? Int == 2)
        let sent = try #require(compared["bytes_sent"] as? [[String: Any]])
        let exact = ["activation", "activation_gradient", "gradients", "statistics"]
        for entry in sent where exact.contains(entry["kind"] as? String ?? "") {
            #expect(entry["planned_bytes"] as? Int == entry["actual_bytes"] as? Int, "\(entry)")
        }
        let kinds = try #require(compared["kinds"] as? [[String: Any]])
        #expect(kinds.contains { $0["kind"] as? String == "forward attention" })
        #expect(kinds.allSatisfy { ($0["why"] as? String)?.isEmpty == false })
        let step = try #require(compared["step_time_s"] as? [String: Double])
        let measured = try #require(step["measured"])
        let times = try run.log("run.jsonl").suffix(2).compactMap { $0["step_time_s"] as? Double }
        let mean = times.reduce(0, +) / 2
        #expect(abs(measured / mean - 1) < 0.25)

        let logged = try document(run.path("run.jsonl"), "Plans/small.yaml")
        #expect(logged["kinds"] == nil)
        #expect(logged["steps"] as? Int == 3)
    }

    @Test("both timelines go into one file, and another deployment is refused")
    func showsBoth() throws {
        let run = try TrainingRun()
        let outcome = try run.start("--steps", "2", "--trace", run.path("run.trace"))
            .end(within: 60)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let both = try ApusProcess.run(
            "compare", run.path("run.trace"), "Plans/small.yaml", "--trace", run.path("both.json"))
        #expect(both.status == 0, "\(both.transcript)")
        #expect(both.output.contains("a rank's time by kind"))
        let document = try JSONSerialization.jsonObject(
            with: Data(run.folder.text("both.json").utf8))
        let events = try #require(
            (document as? [String: Any])?["traceEvents"] as? [[String: Any]])
        #expect(Set(events.compactMap { $0["pid"] as? Int }).count == 4 + 2)
        let other = try ApusProcess.run(
            "compare", run.path("run.trace"), "Plans/strategy-16gpu.yaml", "--local")
        #expect(other.status == 2)
        #expect(other.errors.contains("[trace-mismatch]"))
    }

    @Test("a run that is interrupted leaves its trace whole, or none, and nothing beside it")
    func leavesNothing() throws {
        let run = try TrainingRun()
        let process = try run.start(
            "--steps", "1000000", "--log", run.path("run.jsonl"), "--trace", run.path("run.trace"))
        let trains = waits(upTo: 30) {
            (try? run.folder.text("run.jsonl"))?.isEmpty == false || process.hasEnded
        }
        try #require(trains && !process.hasEnded)
        process.send(SIGINT)
        let outcome = try process.end(within: 30)
        #expect(outcome.status == 130, "\(outcome.transcript)")
        #expect(process.alive.isEmpty)
        let files = try FileManager.default.contentsOfDirectory(atPath: run.folder.path)
        #expect(files.filter { $0.contains("run.trace") } == ["run.trace"])
        let compared = try document(run.path("run.trace"), "Plans/small.yaml")
        #expect(compared["kinds"] is [Any])
    }

    @Test("a file that is neither a trace nor a log is refused")
    func refusesOthers() throws {
        let outcome = try ApusProcess.run("compare", "README.md", "Plans/small.yaml")
        #expect(
            outcome.transcript == """
                exit status 2
                --- stdout
                --- stderr
                README.md:1: error: the file is neither a trace nor a log of `apus train`  \
                [trace-syntax]
                  expected: what `apus train --trace` or `apus train --log` wrote

                """)
    }
}
