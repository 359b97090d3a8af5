import ApusTestSupport
import Foundation
import Testing

@Suite("apus explain", .serialized, .timeLimit(.minutes(1)))
struct ExplainCommandTests {
    private let strategy = "Plans/strategy-16gpu.yaml"

    @Test("the parts of a step add up to it, and memory and traffic stand by stage")
    func explainsSteps() throws {
        let outcome = try ApusProcess.run("explain", strategy, "--json", "--quiet")
        #expect(outcome.status == 0)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let parameters = try #require(document["parameters"] as? [String: Any])
        #expect(parameters["total"] as? Int == 435_962_368)
        #expect(parameters["experts"] as? Int == 402_653_184)
        let steps = try #require(document["steps"] as? [[String: Any]])
        #expect(steps.map { $0["sequence_length"] as? Int } == [128, 1024, 4096, 10_240])
        for step in steps {
            let whole = try #require(step["step_time_s"] as? Double)
            let parts = try #require(step["step_time_parts_s"] as? [String: Double])
            #expect(abs(parts.values.reduce(0, +) / whole - 1) < 1e-6)
            let stages = try #require(step["stages"] as? [[String: Any]])
            #expect(stages.count == 4)
            for stage in stages {
                let memory = try #require(stage["memory"] as? [String: Int])
                #expect(memory.values.reduce(0, +) < 64_000_000_000)
                let traffic = try #require(stage["communication"] as? [String: Int])
                #expect((traffic["pipeline"] ?? 0) > 0)
            }
        }
    }

    @Test("the program of each length takes what the closed form says, within 10 %")
    func agreesWithProgram() throws {
        let outcome = try ApusProcess.run("explain", strategy)
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n").filter { $0.contains("instruction by") }
        #expect(lines.count == 4)
        // Where the host is what counts, the closed form lets it run ahead through a whole pass and
        // the program through one island.
        for line in lines {
            let times = line.matches(of: /([0-9.]+) (m?s)/).compactMap { match in
                Double(match.1).map { match.2 == "ms" ? $0 / 1000 : $0 }
            }
            try #require(times.count == 2)
            #expect(abs(times[0] / times[1] - 1) < 0.1, "\(line)")
        }
    }

    @Test("a `config.json` alone is explained without a plan")
    func explainsModel() throws {
        let outcome = try ApusProcess.run("explain", "--model", "Plans/models/deepseek-v3.json")
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        #expect(outcome.output.contains("671 026 419 200"))
        #expect(!outcome.output.contains("a step"))
    }

    @Test("without a file or a model there is nothing to explain")
    func wantsFile() throws {
        #expect(try ApusProcess.run("explain").status == 64)
        #expect(try ApusProcess.run("explain", "--model", "missing.json").status == 2)
    }
}
