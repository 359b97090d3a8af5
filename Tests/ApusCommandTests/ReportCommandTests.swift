import ApusTestSupport
import Foundation
import Testing

@Suite("apus report", .serialized, .timeLimit(.minutes(2)))
struct ReportCommandTests {
    @Test("a deployment, a log and an audit make one page, whatever their order")
    func writesPages() throws {
        let folder = try TestFolder()
        let log = try folder.write("{\"step\":1,\"loss\":2.5,\"expert_load\":[[1,3]]}\n", to: "a")
        let audit = try folder.write("{\"claims\":[],\"problems\":[]}", to: "b")
        let page = "\(folder.path)/report.html"
        let made = try ApusProcess.run("report", audit, "Plans/small.yaml", log, "-o", page)
        #expect(made.status == 0, "\(made.transcript)")
        #expect(made.output.hasPrefix("wrote \(page), "))
        let text = try folder.text("report.html")
        for part in [
            "<h1>small</h1>", "4 ranks as pp2,dp2,ep2", "1\u{A0}step; loss 2.50", "Expert load",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        let again = try ApusProcess.run("report", log, "Plans/small.yaml", audit)
        #expect(again.output == text + "\n")
    }

    @Test(
        "a trace finds the program that it is of, also as --local runs it, and others are refused")
    func findsPrograms() throws {
        let folder = try TestFolder()
        let trace = "\(folder.path)/predicted.jsonl"
        let simulated = try ApusProcess.run("simulate", "Plans/small.yaml", "--trace", trace)
        #expect(simulated.status == 0, "\(simulated.transcript)")
        let made = try ApusProcess.run("report", "Plans/small.yaml", trace)
        #expect(made.status == 0 && made.output.contains("prediction \(trace), 1 step"))
        let other = try ApusProcess.run("report", "Plans/strategy-16gpu.yaml", trace)
        #expect(other.status == 2)
        #expect(other.errors.contains("[trace-mismatch]"))
        let alone = try ApusProcess.run("report", trace)
        #expect(alone.status == 64)
        #expect(alone.errors.contains("is a trace; give its deployment too"))
    }

    @Test("a plan that cannot be simulated still makes a page, and the reason is told")
    func saysWhatIsMissing() throws {
        let made = try ApusProcess.run("report", "Plans/llama-3-8b.yaml")
        #expect(made.status == 0)
        #expect(made.output.contains("Plan, cluster and model"))
        #expect(made.errors.contains("warning: "))
    }

    @Test("a log whose steps the deployment does not have is refused, whatever it says")
    func refusesLogs() throws {
        let folder = try TestFolder()
        for tokens in ["100", "0", "-64", "9223372036854775807"] {
            let log = try folder.write("{\"step\":1,\"tokens\":\(tokens)}\n", to: "log")
            let refused = try ApusProcess.run("report", "Plans/small.yaml", log)
            #expect(refused.status == 2, "\(tokens)")
            #expect(
                refused.errors == """
                    \(log):1: error: the step is none of Plans/small.yaml  [report-input]
                      expected: whole sequences of 64 tokens for each of 2 data ranks
                      hint: `--local` is for a log of a run with `--local`; otherwise give its trace

                    """)
        }
    }

    @Test("nothing is overwritten by accident, and nothing unknown is shown")
    func refuses() throws {
        let folder = try TestFolder()
        let file = try folder.write("{\"layouts\":[]}", to: "verify.json")
        let unknown = try ApusProcess.run("report", file)
        #expect(unknown.status == 2 && unknown.errors.contains("[report-input]"))
        let present = try ApusProcess.run("report", "Plans/small.yaml", "-o", file)
        #expect(present.status == 2 && present.errors.contains("the file exists already"))
        let twice = try ApusProcess.run("report", "Plans/small.yaml", "Plans/small.yaml")
        #expect(twice.status == 64)
    }

    @Test("`apus simulate --html` writes the same kind of page")
    func simulates() throws {
        let folder = try TestFolder()
        let page = "\(folder.path)/simulated.html"
        let made = try ApusProcess.run("simulate", "Plans/small.yaml", "--html", page)
        #expect(made.status == 0, "\(made.transcript)")
        #expect(try folder.text("simulated.html").contains("No run was measured"))
    }
}
