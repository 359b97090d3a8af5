import ApusTestSupport
import Foundation
import Testing

@Suite("apus plan", .serialized, .timeLimit(.minutes(2)))
struct PlanCommandTests {
    private let small = "Plans/small.yaml"

    /// What `--json` gives out, as others read it.
    private struct Document: Decodable {
        struct Entry: Decodable {
            struct Confidence: Decodable {
                var low_s: Double
                var high_s: Double
            }

            struct Keys: Decodable {
                var pipeline_parallel: Int
                var data_parallel: Int
                var context_parallel: Int
                var tensor_parallel: Int
                var expert_parallel: Int
                var schedule: String
                var zero_stage: Int
            }

            var plan: Keys
            var step_time_s: Double
            var tokens_per_s: Double
            var tokens_per_s_per_gpu: Double
            var mfu: Double
            var memory_peak_bytes: Double
            var ttft_s: Double
            var pareto: Bool
            var bubble: Double
            var communication_exposed: Double
            var confidence: Confidence
            var fits: Bool?
            var times_as_long: Double?

            var figures: [Double] { [step_time_s, memory_peak_bytes, ttft_s] }
        }

        struct Bill: Decodable {
            var gpus: Int
            var days: Double
            var gpu_hours: Double
            var cost: Double?
        }

        struct BudgetEntry: Decodable {
            var cluster: Bill?
            var smallest: Bill?
            var largest_tried: Bill?
            var fastest_tried: Bill?
            var gpus_max: Int?
        }

        var searched: Int
        var pruned: Int
        var evaluated: Int
        var feasible: Int
        var seconds: Double
        var plans: [Entry]
        var own: Entry?
        var least_memory_bytes: Int?
        var fits_on_gpus: Int?
        var budget: BudgetEntry?
    }

    private func document(_ outcome: ApusProcess.Outcome) throws -> Document {
        try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
    }

    /// The small deployment with something of its text replaced.
    private func deployment(
        _ folder: TestFolder, replacing old: String, with new: String
    ) throws -> String {
        let text = try Repository.text(small)
        try #require(text.contains(old))
        return try folder.write(text.replacing(old, with: new), to: "changed.yaml")
    }

    @Test("the JSON holds the counts and the ranked plans, each with all figures")
    func givesJSON() throws {
        let outcome = try ApusProcess.run("plan", small, "--json", "--top", "6")
        #expect(outcome.status == 0)
        let found = try document(outcome)
        #expect(found.searched == found.pruned + found.evaluated)
        #expect(found.feasible > 0 && found.feasible <= found.evaluated)
        #expect(found.seconds > 0 && found.seconds < outcome.seconds)
        #expect(found.plans.count == 6)
        for entry in found.plans {
            let plan = entry.plan
            #expect(
                plan.pipeline_parallel * plan.data_parallel * plan.context_parallel
                    * plan.tensor_parallel == 4)
            // 8 sequences of 64 tokens.
            #expect(abs(entry.tokens_per_s * entry.step_time_s - 512) < 1e-6)
            #expect(abs(entry.tokens_per_s_per_gpu * 4 - entry.tokens_per_s) < 1e-6)
            #expect(entry.confidence.low_s < entry.step_time_s)
            #expect(entry.confidence.high_s > entry.step_time_s)
            #expect((0...1).contains(entry.mfu) && (0..<1).contains(entry.bubble))
            #expect((0..<1).contains(entry.communication_exposed))
            #expect(entry.memory_peak_bytes <= 4e9 && entry.ttft_s > 0)
        }
        let times = found.plans.map(\.step_time_s)
        #expect(times.dropFirst() == times.dropFirst().sorted()[...])
        // The first may be simpler than one that is faster by what the model cannot tell.
        #expect(times[0] <= 1.005 * (times.min() ?? 0))
        let own = try #require(found.own)
        #expect(own.fits == true)
        #expect(own.times_as_long == own.step_time_s / times[0])
    }

    @Test("a plan is on the Pareto front only if no listed one beats it")
    func marksFront() throws {
        let found = try document(
            try ApusProcess.run("plan", small, "--json", "--top", "100"))
        #expect(found.plans.contains { $0.pareto })
        for entry in found.plans where entry.pareto {
            let isBeaten = found.plans.contains { other in
                let pairs = zip(other.figures, entry.figures)
                return pairs.allSatisfy { $0 <= $1 } && pairs.contains { $0 < $1 }
            }
            #expect(!isBeaten)
        }
    }

    @Test("`-o` writes a deployment that reads back, whose plan no other beats")
    func writesDeployment() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/found.yaml"
        let found = try ApusProcess.run("plan", small, "-o", path, "--json")
        #expect(found.status == 0)
        let best = try #require(try document(found).plans.first)
        let again = try ApusProcess.run("plan", path, "--json")
        #expect(again.status == 0)
        #expect(again.errors.isEmpty)
        let own = try #require(try document(again).own)
        #expect(own.step_time_s == best.step_time_s)
        #expect(own.times_as_long == 1)
        let check = try ApusProcess.run("program", path, "--check")
        #expect(check.status == 0 || check.errors.contains("[not-compiled]"))
    }

    @Test("a file that is there is overwritten only with `--force`, and claims are not kept")
    func keepsFiles() throws {
        let folder = try TestFolder()
        let path = try folder.write("precious", to: "found.yaml")
        let refused = try ApusProcess.run("plan", small, "-o", path)
        #expect(refused.status == 2)
        #expect(refused.output.isEmpty)
        #expect(refused.errors.contains("error: the file exists already  [system]"))
        #expect(try folder.text("found.yaml") == "precious")
        let claims = "claims:\n  - { id: a, quantity: parameters, value: 1 }\n"
        let claimed = try deployment(folder, replacing: "\nrun:", with: "\n\(claims)\nrun:")
        let forced = try ApusProcess.run("plan", claimed, "-o", path, "--force")
        #expect(forced.status == 0)
        let text = try folder.text("found.yaml")
        #expect(text.contains("\nplan:\n") && !text.contains("claims"))
    }

    @Test("where nothing fits the answer is no, with the least memory and what would fit")
    func answersNo() throws {
        let model = "Plans/llama-3-8b.yaml"
        let flags = ["--cluster", "1xl40s", "--length", "1024"]
        let folder = try TestFolder()
        let text = try ApusProcess(["plan", model] + flags, folder: folder).end(within: 30)
        #expect(text.status == 1)
        #expect(text.output.contains("nothing fits: a rank needs "))
        #expect(text.output.contains(" GPUs would do: "))
        let json = try ApusProcess(
            ["plan", model, "--json"] + flags, folder: folder, name: "json"
        ).end(within: 30)
        #expect(json.status == 1)
        let found = try document(json)
        #expect(found.plans.isEmpty && found.feasible == 0)
        #expect(try #require(found.least_memory_bytes) > 48_000_000_000)
        #expect([2, 4, 8, 16].contains(try #require(found.fits_on_gpus)))
    }

    @Test("a budget counts days and cost, and finds the size that is fast enough")
    func countsBudget() throws {
        let outcome = try ApusProcess.run(
            "plan", small, "--tokens", "1e9", "--price", "2", "--json")
        let found = try document(outcome)
        let best = try #require(found.plans.first)
        let bill = try #require(found.budget?.cluster)
        #expect(abs(bill.days - 1e9 / best.tokens_per_s / 86_400) < 1e-9 * bill.days)
        #expect(abs(bill.gpu_hours - bill.days * 24 * 4) < 1e-9 * bill.gpu_hours)
        #expect(abs(try #require(bill.cost) - 2 * bill.gpu_hours) < 1e-9 * bill.gpu_hours)
        let larger = "Plans/olmoe-1b-7b.yaml"
        let here = try document(
            try ApusProcess.run("plan", larger, "--tokens", "1e12", "--top", "1", "--json"))
        let days = try #require(here.budget?.cluster).days * 0.8
        let faster = try document(
            try ApusProcess.run(
                "plan", larger, "--tokens", "1e12", "--days", "\(days)", "--top", "1", "--json"))
        let smallest = try #require(faster.budget?.smallest)
        #expect(smallest.gpus > 8)
        #expect(smallest.days <= days)
        let never = try ApusProcess.run(
            "plan", small, "--tokens", "1e18", "--days", "0.001", "--quiet")
        #expect(never.status == 1)
        #expect(
            never.output.contains("in 0.001 days: no size tried does 1 000 000 000 000 000 000"))
        #expect(never.output.contains("  the largest, "))
        let slow = ["plan", small, "--tokens", "1e9", "--days", "0.001"]
        let folder = try TestFolder()
        let told = try ApusProcess(slow + ["--quiet"], folder: folder).end(within: 30)
        #expect(told.status == 1)
        #expect(told.output.contains("in 0.001 days: no size tried does 1 000 000 000 tokens"))
        #expect(told.output.contains("  the largest: "))
        #expect(told.output.contains("the file's own plan "))
        let json = try ApusProcess(slow + ["--json"], folder: folder).end(within: 30)
        #expect(json.status == 1)
        let budget = try #require(try document(json).budget)
        #expect(budget.smallest == nil)
        let largest = try #require(budget.largest_tried)
        let fastest = try #require(budget.fastest_tried)
        #expect(fastest.days > 0.001 && fastest.days <= largest.days)
        #expect(try #require(budget.gpus_max) >= largest.gpus)
    }

    @Test("a sweep has a line, or an object, for each value")
    func sweeps() throws {
        struct Point: Decodable {
            var value: Double
            var gpus: Int
            var step_time_s: Double?
            var cost: Double?
        }
        let text = try ApusProcess.run("plan", small, "--sweep", "gpus=2,4,8")
        #expect(text.status == 0)
        #expect(text.output.split(separator: "\n").count == 4)
        let json = try ApusProcess.run(
            "plan", small, "--sweep", "cluster.bandwidth=0.5,1,2", "--price", "1", "--json")
        let points = try JSONDecoder().decode([Point].self, from: Data(json.output.utf8))
        #expect(points.map(\.value) == [0.5, 1, 2])
        #expect(points.allSatisfy { $0.gpus == 4 && $0.cost != nil })
        let times = try points.map { try #require($0.step_time_s) }
        #expect(times == times.sorted(by: >))
    }
}
