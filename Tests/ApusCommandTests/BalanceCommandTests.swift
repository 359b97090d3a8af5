import ApusTestSupport
import Foundation
import Testing

@Suite(
    "A stage that is slow in a run", .serialized, .enabled(if: TrainingRun.hasEngine),
    .timeLimit(.minutes(2)))
struct BalanceCommandTests {
    /// Two stages of eight layers, one rank each, so that the ranks of two cores do not take turns.
    private static let changes = [
        ("num_hidden_layers: 4", "num_hidden_layers: 16"), ("gpus_per_node: 4", "gpus_per_node: 2"),
        ("data_parallel: 2", "data_parallel: 1"), ("expert_parallel: 2", "expert_parallel: 1"),
        ("micro_batches: 4", "micro_batches: 8"),
        ("sequences_per_data_rank: 4", "sequences_per_data_rank: 8"),
    ]

    private let run: TrainingRun
    private let text: String
    private let file: String

    init() throws {
        run = try TrainingRun()
        var text = try String(
            contentsOf: Repository.root.appending(path: "Plans/small.yaml"), encoding: .utf8)
        for (old, new) in Self.changes { text = text.replacingOccurrences(of: old, with: new) }
        self.text = text
        file = try run.folder.write(text, to: "plan.yaml")
    }

    private func train(_ name: String, steps: Int, _ arguments: String...) throws {
        let outcome = try ApusProcess(
            ["train", file, "--data", run.text, "--steps", "\(steps)", "--log", run.path(name)]
                + ["--slow-stage", "0:1.5"] + arguments, folder: run.folder, name: "out-\(name)"
        ).end(within: 90)
        #expect(outcome.status == 0, "\(outcome.transcript)")
    }

    /// The middle of a figure over some steps.
    private func median(_ lines: [[String: Any]], _ value: ([String: Any]) -> Double?) -> Double {
        let values = lines.compactMap(value).sorted()
        return values.isEmpty ? 0 : values[values.count / 2]
    }

    private func stages(_ lines: [[String: Any]]) -> [Double] {
        [0, 1].map { stage in
            median(lines) { ($0["stage_compute_s"] as? [Double])?[stage] }
        }
    }

    @Test("it is reported, layers move away, losses stay the same, and the stages come together")
    func rebalances() throws {
        try train("still", steps: 24)
        try train("moving", steps: 24, "--rebalance-every", "12")
        let still = try run.log("still")
        let moving = try run.log("moving")
        let event = try #require(moving.first { $0["event"] as? String == "rebalanced" })
        #expect(event["step"] as? Int == 12)
        #expect(event["slow_stage"] as? Int == 0)
        #expect(event["layers_per_stage_before"] as? [Int] == [8, 8])
        let layers = try #require(event["layers_per_stage"] as? [Int])
        #expect(layers[0] < 8 && layers.reduce(0, +) == 16)
        let steps = moving.filter { $0["step"] != nil && $0["event"] == nil }
        #expect(steps.map { $0["loss"] as? Double } == still.map { $0["loss"] as? Double })
        #expect(
            steps.map { $0["grad_norm"] as? Double } == still.map { $0["grad_norm"] as? Double })
        // In processor time, which other work on this machine does not add to; it changes the pace,
        // so the limits are wide.
        let before = stages(Array(steps[2..<12]))
        let after = stages(Array(steps[12...]))
        #expect(before[0] / before[1] > 1.15)
        #expect(abs(after[0] / after[1] - 1) < abs(before[0] / before[1] - 1))
        try explains(still: "still", after: layers)
    }

    /// `apus explain` says the same of the log in which they stay, and writes the other split.
    private func explains(still name: String, after layers: [Int]) throws {
        let written = run.path("balanced.yaml")
        let outcome = try ApusProcess.run("explain", run.path(name), file, "-o", written, "--json")
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        #expect(document["slow_stage"] as? Int == 0)
        let proposal = try #require(document["proposal"] as? [String: Any])
        let proposed = try #require(proposal["layers_per_stage"] as? [Int])
        #expect(abs(proposed[0] - layers[0]) <= 1)
        let text = try run.folder.text("balanced.yaml")
        #expect(text.contains("layers_per_stage: [\(proposed[0]), \(proposed[1])]"))
        let words = try ApusProcess.run("explain", run.path(name), file)
        #expect(words.output.contains("stage 0 is consistently slow"))
        let check = try ApusProcess.run("program", written, "--check")
        #expect(check.status == 0)
    }

    @Test(
        "the step time falls by what was predicted, within a quarter (needs a quiet machine)", .slow
    )
    func fallsAsPredicted() throws {
        // The router learns, and with it changes what a layer takes; here it shall not.
        try text.replacingOccurrences(of: "run:\n", with: "run:\n  routing: balanced\n")
            .write(toFile: file, atomically: true, encoding: .utf8)
        // Other work only ever adds to a step, at some times more than at others: the fast steps of
        // several runs tell what the split is worth.
        let ratios = try (0..<3).map { number in
            let name = "run-\(number)"
            try train(name, steps: 100, "--rebalance-every", "50")
            let lines = try run.log(name)
            let event = try #require(lines.first { $0["event"] as? String == "rebalanced" })
            let predicted =
                try #require(event["predicted_step_time_before_s"] as? Double)
                - (try #require(event["predicted_step_time_s"] as? Double))
            let times = lines.compactMap { line in line["step_time_s"] as? Double }
            try #require(times.count == 100)
            let fast = [times[5..<50], times[50...]].map { $0.sorted()[$0.count / 10] }
            return (fast[0] - fast[1]) / predicted
        }
        #expect(abs(ratios.sorted()[1] - 1) < 0.25, "\(ratios)")
    }
}
