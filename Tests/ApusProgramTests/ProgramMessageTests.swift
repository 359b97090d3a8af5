import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusProgram

/// What a wrong program is told, in full.
@Suite("Messages about programs")
struct ProgramMessageTests {
    private let bug =
        "a program from the compiler is free of this: if it made this one, please report it with "
        + "the output of `apus program`"

    @Test("a slot that is read before it is written is named with its instruction")
    func namesEmptySlot() throws {
        try expectMessages(
            of: [["B0 embedding s0 from s1", "F0 embedding -> s0 keep s1", "FREE s0", "FREE s1"]],
            """
            error: stage 0, instruction 0 `B0 embedding s0 from s1` reads `s0`, which holds nothing\
              [slot-lifetime]
            error: stage 0, instruction 0 `B0 embedding s0 from s1` reads `s1`, which holds nothing\
              [slot-lifetime]
            """)
    }

    @Test("a slot that is overwritten, and one that is never freed, are named")
    func namesHeldSlots() throws {
        try expectMessages(
            of: [["F0 embedding -> s0 keep s1", "F1 embedding -> s0 keep s2", "FREE s1"]],
            """
            error: stage 0, instruction 1 `F1 embedding -> s0 keep s2` writes `s0`, which holds a \
            value that is not free  [slot-lifetime]
            error: stage 0 ends with a value in `s0`  [slot-lifetime]
            error: stage 0 ends with a value in `s2`  [slot-lifetime]
            """)
    }

    @Test("a transfer that nobody waits for is named")
    func namesForgottenTransfer() throws {
        try expectMessages(
            of: [["START statistics on world 16B"]],
            "error: stage 0 ends without waiting for `statistics`  [slot-lifetime]")
    }

    @Test("stages that send to each other before they receive are told where each one waits")
    func namesCircle() throws {
        try expectMessages(
            of: [
                [
                    "F0 embedding -> s0 keep s1",
                    "START send activation.0 on activations_out s0 64B", "WAIT send activation.0",
                    "START receive activation_gradient.0 on gradients_in -> s2 64B",
                    "WAIT receive activation_gradient.0", "FREE s0", "FREE s1", "FREE s2",
                ],
                [
                    "F0 embedding -> s0 keep s1",
                    "START send activation_gradient.0 on gradients_out s0 64B",
                    "WAIT send activation_gradient.0",
                    "START receive activation.0 on activations_in -> s2 64B",
                    "WAIT receive activation.0", "FREE s0", "FREE s1", "FREE s2",
                ],
            ],
            """
            error: stage 0 would wait forever at instruction 2 `WAIT send activation.0`  [deadlock]
              stage 1 waits at `WAIT send activation_gradient.0`, instruction 2
              hint: \(bug)
            error: stage 1 would wait forever at instruction 2 `WAIT send activation_gradient.0`\
              [deadlock]
              stage 0 waits at `WAIT send activation.0`, instruction 2
              hint: \(bug)
            """)
    }

    @Test("a receive of another size than what is sent is shown beside it")
    func showsMismatch() throws {
        try expectMessages(
            of: [
                [
                    "F0 embedding -> s0 keep s1",
                    "START send activation.0 on activations_out s0 64B", "WAIT send activation.0",
                    "FREE s0", "FREE s1",
                ],
                [
                    "START receive activation.0 on activations_in -> s0 128B",
                    "WAIT receive activation.0", "FREE s0",
                ],
            ],
            """
            error: stages 0 and 1 disagree on what `activations_out` carries next\
              [transfer-mismatch]
              stage 0: `START send activation.0 on activations_out s0 64B`
              stage 1: `START receive activation.0 on activations_in -> s0 128B`
              hint: \(bug)
            """)
    }

    @Test("a line that is none of a program is quoted with its number")
    func quotesLine() throws {
        let problems = try #require(throws: Problems.self) {
            try Program(text: "program 1\nmesh pp2 and more\n", file: "step.program")
        }
        #expect(
            text(problems.diagnostics) == """
                step.program:2: error: cannot read `mesh pp2 and more` as a line of a program\
                  [program-syntax]
                  expected: a mesh such as `mesh pp4 dp4 cp1 tp1 ep4 etp1 carved1 outermost`
                  hint: `apus program FILE` prints programs in this form
                """)
    }

    @Test("a setting that no program can express is named with what can stand there")
    func namesSetting() throws {
        let hint = "  hint: `--local` replaces what cannot run yet and says so"
        var plan = Plan.small(recompute: .selective)
        plan.zeroStage = 2
        #expect(
            messages(compiling: plan) == """
                error: `plan.zero_stage` is 2, which Apus cannot compile into a program yet\
                  [not-compiled]
                  expected: 0 or 1
                \(hint)
                error: `recompute` is `selective`, which Apus cannot compile into a program yet\
                  [not-compiled]
                  expected: `none` or `full`
                \(hint)
                """)
        #expect(
            messages(compiling: .small(schedule: .zeroBubbleH1)) == """
                error: `plan.schedule` is `zero_bubble_h1`, which Apus cannot compile yet\
                  [not-compiled]
                  expected: `1f1b` or `gpipe`
                \(hint)
                """)
    }

    private func messages(compiling plan: Plan) -> String {
        let shape = StepShape(
            sequenceLength: 16, sequencesPerMicroBatch: 1, microBatches: 4,
            recompute: plan.buckets[0].recompute)
        do throws(Problems) {
            _ = try compile(model: .small(), plan: plan, shape: shape)
            return ""
        } catch {
            return text(error.diagnostics)
        }
    }

    /// Verifies a program with these instructions on its stages, each with three slots.
    private func expectMessages(
        of stages: [[String]], _ expected: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let slots = ["slot s0 tensor 64B", "slot s1 state 64B", "slot s2 tensor 64B"]
        var lines = [
            "program 1",
            "mesh pp\(stages.count) dp1 cp1 tp1 ep1 etp1 carved1 outermost",
            "step length 16 sequences 1 micro_batches 1 tensor 1 recompute none precision fp32",
        ]
        for (index, instructions) in stages.enumerated() {
            lines.append("class stage \(index) layers \(index)..<\(index + 1)")
            lines += slots + instructions + ["end"]
        }
        let source = lines.joined(separator: "\n") + "\n"
        let program = try Program(text: source, file: "program")
        #expect(text(program.verify()) == expected, sourceLocation: sourceLocation)
    }

    private func text(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}
