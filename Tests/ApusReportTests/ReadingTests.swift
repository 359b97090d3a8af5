import ApusBase
import ApusReport
import Foundation
import Testing

@Suite("Reading what a report shows")
struct ReadingTests {
    @Test(
        "a file is told by its content",
        arguments: [
            ("model:\n  hidden_size: 4\n", ReportInput.deployment),
            ("{\"model\": {}, \"claims\": [], \"problems\": []}", .deployment),
            ("{ not closed", .deployment),
            ("{\"apus_trace\":1,\"source\":\"prediction\"}\n[1,0,0,0,0]\n", .trace),
            ("{\"step\":1,\"loss\":2.5}\n{\"step\":2}\n", .runLog),
            ("{\"event\":\"rank-lost\"}\n", .runLog),
            ("{\n  \"claims\": [],\n  \"problems\": []\n}\n", .audit),
            ("{\n  \"plans\": [],\n  \"searched\": 7\n}\n", .search),
        ])
    func recognises(text: String, kind: ReportInput) throws {
        #expect(try ReportInput(recognising: Array(text.utf8), file: "a") == kind)
    }

    @Test("a document that is nothing of all that is refused by its keys")
    func refusesOthers() {
        #expect(
            message { try ReportInput(recognising: Array("{\"layouts\":[]}".utf8), file: "v.json") }
                == """
                v.json: error: the file is nothing that a report shows  [report-input]
                  its keys: layouts
                  expected: a deployment, a log of `apus train --log`, a trace, or what `apus \
                audit --json` or `apus plan --json` printed
                """)
    }

    @Test("a log gives steps, events and expert loads as multiples of the even share")
    func readsLogs() throws {
        let text = """
            {"step":1,"loss":2.5,"tokens_per_s":100,"expert_load":[[2,2],[4,0]]}
            {"event":"rank-lost","step":1,"rank":3}
            {"step":2,"loss":2.25,"tokens_per_s":300,"expert_load":[[1,3],[2,2]]}
            """
        let log = try RunLog(bytes: Array(text.utf8), file: "run.jsonl")
        #expect(log.run.steps.map(\.loss) == [2.5, 2.25])
        #expect(log.run.median(\.tokensPerSecond) == 300)
        #expect(log.run.events == ["step 1: rank-lost"])
        let experts = try #require(log.experts)
        #expect(experts.frames.map(\.step) == [1, 2])
        #expect(experts.frames[0].load.values == [[1, 2], [1, 0]])
        #expect(experts.frames[1].load.columns == ["0", "1"])
    }

    @Test("a log that was cut off is refused with its line")
    func refusesBrokenLogs() {
        let text = "{\"step\":1}\n{\"step\":2,\"lo"
        #expect(
            message { try RunLog(bytes: Array(text.utf8), file: "run.jsonl") } == """
                run.jsonl:2: error: cannot read the line as a step or an event of a run  \
                [report-input]
                  expected: a JSON object with `step` or `event`, as `apus train --log` writes
                """)
    }

    @Test("an audit's values are read whatever their kind")
    func readsAudits() throws {
        let text = """
            {"claims": [
              {"id": "a", "verdict": "wrong", "claimed": 1e10, "computed": 435962368,
               "unit": "parameters", "why": "because", "source": "s"},
              {"id": "b", "verdict": "holds", "claimed": [0.15, 0.2], "computed": 0.158,
               "unit": "share", "at": 4096},
              {"id": "c", "verdict": "unverifiable", "claimed": true, "computed": null},
              {"id": "d", "verdict": "wrong", "claimed": "deepspeed", "computed": "--ep 4"}],
             "problems": [{"code": "memory", "severity": "error", "file": "f.yaml", "line": 3,
               "problem": "too much"}]}
            """
        let audit = try AuditSummary(json: Array(text.utf8), file: "audit.json")
        let shown = audit.claims.map { "\($0.claimed) | \($0.computed) | \($0.unit)" }
            .map { $0.replacing("\u{A0}", with: " ") }
        #expect(
            shown == [
                "10 000 000 000 | 435 962 368 | parameters",
                "0.15 to 0.20 | 0.16 | share, at 4 096 tokens", "yes | – | ",
                "deepspeed | --ep 4 | ",
            ])
        #expect(audit.problems[0].place == "f.yaml:3")
        #expect(message { try AuditSummary(json: Array("[]".utf8), file: "a") } != nil)
    }

    @Test("a search is read with its own plan among the others, fastest first")
    func readsSearches() throws {
        let text = """
            {"searched": 1000, "evaluated": 20, "feasible": 10, "memory_limit_bytes": 80,
             "plans": [{"plan": {"pipeline_parallel": 2, "data_parallel": 8, "schedule": "1f1b"},
               "step_time_s": 2, "memory_peak_bytes": 5, "pareto": true}],
             "own": {"plan": {"tensor_parallel": 2, "zero_stage": 1}, "step_time_s": 1,
               "memory_peak_bytes": 6}}
            """
        let search = try SearchSummary(json: Array(text.utf8), file: "plans.json")
        #expect(search.strategies.map(\.name) == ["tp2 · ZeRO 1", "pp2,dp8 · 1f1b"])
        #expect(search.strategies.map(\.isOwn) == [true, false])
        #expect(search.summary == "Searched 1 000 plans, priced 20, of which 10 fit.")
    }

    /// What a call throws for the user.
    private func message(_ call: () throws -> some Any) -> String? {
        do {
            _ = try call()
            return nil
        } catch {
            return (error as? Problems)?.diagnostics.map(\.description).joined(separator: "\n")
        }
    }
}
