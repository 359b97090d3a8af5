import ApusTestSupport
import Foundation
import Testing

@Suite("apus simulate", .serialized, .timeLimit(.minutes(1)))
struct SimulateCommandTests {
    private func records(_ arguments: String...) throws -> [[String: Any]] {
        let folder = try TestFolder()
        let outcome = try ApusProcess(["simulate"] + arguments + ["--json"], folder: folder)
            .end(within: 30)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        return try #require(document as? [[String: Any]])
    }

    @Test("`--json` gives one object for each sequence length, with the fields that others use")
    func printsJSON() throws {
        let records = try records("Plans/strategy-16gpu.yaml")
        #expect(records.map { $0["sequence_length"] as? Int } == [128, 1024, 4096, 10_240])
        for record in records {
            func number(_ key: String) throws -> Double { try #require(record[key] as? Double) }
            let parts =
                try number("bubble") + number("communication_exposed") + number("utilization")
                + number("group_waiting")
            #expect(abs(parts - 1) < 1e-9)
            let rate = try number("tokens") / number("step_time_s")
            #expect(abs(try number("tokens_per_s") / rate - 1) < 1e-9)
            #expect(try number("memory_peak_bytes") > 0)
            let sent = try #require(record["bytes_sent"] as? [String: Int])
            #expect(sent["dispatch"] == sent["combine"])
        }
    }

    @Test("the terminal shows a line of time and one of memory for each stage, without colour")
    func drawsTimeline() throws {
        let outcome = try ApusProcess.run("simulate", "Plans/small.yaml", "--quiet")
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        try expectSnapshot(outcome.output, named: "simulate-small")
    }

    @Test("two runs give the same bytes, to the last one of the trace")
    func isDeterministic() throws {
        let folder = try TestFolder()
        for name in ["a", "b"] {
            let path = "\(folder.path)/\(name).jsonl"
            let outcome = try ApusProcess.run(
                "simulate", "Plans/small.yaml", "--jitter", "0.1", "--seed", "7", "--trace", path)
            #expect(outcome.status == 0, "\(outcome.transcript)")
        }
        #expect(try folder.text("a.jsonl") == folder.text("b.jsonl"))
        #expect(try folder.text("a.jsonl").hasPrefix("{\"apus_trace\":1,"))
    }

    @Test("`--trace` writes what Perfetto opens, and keeps a file that is there")
    func writesTrace() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/out.json"
        let outcome = try ApusProcess.run("simulate", "Plans/small.yaml", "--trace", path)
        #expect(outcome.status == 0)
        let document = try JSONSerialization.jsonObject(with: Data(folder.text("out.json").utf8))
        #expect((document as? [String: Any])?["traceEvents"] is [Any])
        let again = try ApusProcess.run("simulate", "Plans/small.yaml", "--trace", path)
        #expect(again.status == 2)
        #expect(again.errors.contains("the file exists already"))
        let all = try ApusProcess.run(
            "simulate", "Plans/strategy-16gpu.yaml", "--trace", "\(folder.path)/all.json")
        #expect(all.status == 64)
    }

    @Test("a slow rank makes the step longer, and the undisturbed time stands beside it")
    func disturbs() throws {
        let path = "Plans/strategy-16gpu.yaml"
        let calm = try #require(records(path, "--length", "1024").first)
        let slow = try #require(
            records(path, "--length", "1024", "--slow-rank", "13:3", "--slow-link", "0-1:2").first)
        let time = try #require(slow["step_time_s"] as? Double)
        let before = try #require(calm["step_time_s"] as? Double)
        #expect(time > 1.2 * before)
        #expect(slow["undisturbed_step_time_s"] as? Double == before)
        #expect(calm["undisturbed_step_time_s"] == nil)
    }

    @Test(
        "conditions that the deployment does not have are refused",
        arguments: [
            ["--slow-rank", "4:2"], ["--slow-rank", "x:2"], ["--slow-rank", "1"],
            ["--slow-rank", "1:0"], ["--slow-rank", "1:nan"], ["--slow-link", "moon:2"],
            ["--slow-link", "0-2:2"], ["--slow-link", "1-1:2"], ["--hot-expert", "2"],
            ["--jitter", "-1"], ["--seed=-1"],
        ])
    func refusesConditions(arguments: [String]) throws {
        let folder = try TestFolder()
        let outcome = try ApusProcess(
            ["simulate", "Plans/small.yaml"] + arguments, folder: folder
        ).end(within: 20)
        #expect(outcome.status == 64, "\(outcome.transcript)")
        #expect(outcome.output.isEmpty)
    }
}
