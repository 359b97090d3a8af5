import ApusTestSupport
import Foundation
import Testing

@Suite("apus program", .serialized, .timeLimit(.minutes(1)))
struct ProgramCommandTests {
    private let strategy = "Plans/strategy-16gpu.yaml"

    @Test("the document's plan is proven at every length")
    func provesStrategy() throws {
        let proof = try ApusProcess.run("program", strategy, "--check")
        try expectSnapshot(proof.transcript, named: "program-check")
        #expect(proof.status == 0)
        let quiet = try ApusProcess.run("program", strategy, "--check", "--quiet")
        #expect(proof.output.hasPrefix(quiet.output))
        #expect(quiet.output.split(separator: "\n").count == 4)
    }

    @Test("a proof as JSON is one document, alone on stdout")
    func provesAsJSON() throws {
        let proof = try ApusProcess.run("program", strategy, "--check", "--json")
        #expect(proof.status == 0)
        #expect(proof.errors.isEmpty)
        let lengths = try #require(json(proof.output) as? [[String: Any]])
        #expect(lengths.map { $0["sequence_length"] as? Int } == [128, 1024, 4096, 10_240])
        #expect(lengths.allSatisfy { $0["proven"] as? Bool == true })
        try expectSnapshot(proof.output, named: "program-check-json")
    }

    @Test("a schedule written by hand is proven, simulated and explained, from beside its plan")
    func runsWrittenSchedule() throws {
        let folder = try TestFolder()
        let page = try Repository.text("docs/schedules.md")
        let csv = String(try #require(page.firstMatch(of: /```csv\n([^`]*)```/)).1)
        _ = try folder.write(csv, to: "mine.csv")
        let small = try Repository.text("Plans/small.yaml")
        let file = try folder.write(
            small.replacing("schedule: 1f1b", with: "schedule_file: mine.csv"), to: "plan.yaml")
        for command in [["program", file, "--check"], ["simulate", file], ["explain", file]] {
            let outcome = try ApusProcess(command, folder: folder).end(within: 30)
            #expect(outcome.status == 0, "\(outcome.transcript)")
        }
        _ = try folder.write(csv.replacing("0F1,", with: ""), to: "mine.csv")
        let outcome = try ApusProcess(["program", file], folder: folder).end(within: 30)
        #expect(outcome.status == 2)
        #expect(
            outcome.errors.contains("/mine.csv:1:17: error: `0F2` is out of order"),
            "\(outcome.errors)")
    }

    @Test("one rank's program names its place and its peers")
    func printsRank() throws {
        let program = try ApusProcess.run("program", "Plans/small.yaml", "--rank", "3")
        #expect(program.status == 0)
        try expectSnapshot(program.output, named: "program-rank")
    }

    @Test("what is printed as text and as JSON is the same program")
    func printsJSON() throws {
        let text = try ApusProcess.run("program", "Plans/small.yaml")
        let document = try ApusProcess.run("program", "Plans/small.yaml", "--json")
        #expect(text.status == 0 && document.status == 0)
        let programs = try #require(json(document.output) as? [[String: Any]])
        let lines = try #require(programs.first?["program"] as? [String])
        #expect(programs.count == 1)
        #expect(lines.joined(separator: "\n") + "\n" == text.output)
    }

    @Test("programs of two deployments are compared line by line, with status 1 where they differ")
    func comparesPrograms() throws {
        let folder = try TestFolder()
        let small = try Repository.text("Plans/small.yaml")
        let other = try folder.write(
            small.replacing("embeddings: false", with: "embeddings: true"),
            to: "other.yaml")
        let same = try ApusProcess.run("program", "Plans/small.yaml", "--diff", "Plans/small.yaml")
        #expect(same.transcript.hasPrefix("exit status 0\n"))
        #expect(same.output == "length 64: the programs are the same\n")
        let changed = try ApusProcess.run(
            "program", "Plans/small.yaml", "--diff", other, "--rank", "1")
        #expect(changed.status == 1)
        try expectSnapshot(changed.output, named: "program-diff")
        let apart = try ApusProcess.run("program", "Plans/small.yaml", "--diff", strategy)
        #expect(apart.status == 1)
        #expect(apart.output.hasPrefix("length 64: only one of the deployments has it\n"))
    }

    private func json(_ text: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(text.utf8))
    }
}
