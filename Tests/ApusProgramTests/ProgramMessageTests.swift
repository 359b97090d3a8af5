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
        var program = try Layout.tiny[1].program()
        let activation = Payload.activation(into: 1, microBatch: 1)
        let gradient = Payload.activationGradient(into: 1, microBatch: 0)
        try program.sendFirst(activation, receiveLater: gradient, stage: 0)
        try program.sendFirst(gradient, receiveLater: activation, stage: 1)
        #expect(
            text(program.verify()) == """
                error: stage 0 would wait forever at instruction 69 `WAIT send activation/1.1`\
                  [deadlock]
                  stage 1 waits at instruction 42 `WAIT send activation_gradient/1.0`
                  hint: \(bug)
                """)
    }

    @Test("what two stages take for the next transfer is shown side by side")
    func showsMismatch() throws {
        let program = try Layout.tiny[2].program()
        func receive(_ microBatch: Int) throws -> Site {
            let payload = Payload.activation(into: 1, microBatch: microBatch)
            let id = Transfer.ID(payload: payload, role: .receive)
            return try #require(program.start(of: id, stage: 1))
        }
        let damaged = program.moving(try receive(1), to: try receive(0).position)
        #expect(
            text(damaged.verify()) == """
                error: stages 0 and 1 disagree on what `activations/1` carries next\
                  [transfer-mismatch]
                  stage 0: `START send activation/1.0 on activations/1 s7 8192B`
                  stage 1: `START receive activation/1.1 on activations/1 -> s1 8192B`
                  hint: \(bug)
                """)
    }

    @Test("a slot that holds another value than its reader needs is named with both")
    func namesContent() throws {
        var program = try Layout.tiny[1].program()
        let id = Transfer.ID(payload: .dispatch(layer: 0, microBatch: 0), role: .join)
        let site = try #require(program.start(of: id, stage: 0))
        guard case .start(var transfer) = program[site] else { return }
        transfer.source = Slot(2)
        program[site] = .start(transfer)
        #expect(
            text(program.verify()) == """
                error: stage 0, instruction 6 `START dispatch/0.0 on expert s2 -> s7 by s5 16384B` \
                needs `rows/0.0` in `s2`, which holds `residual/0.0`  [slot-content]
                """)
    }

    @Test("a step that lacks a part of its work is told what")
    func namesMissingWork() throws {
        let program = try Layout.tiny[0].program()
        let norm = try #require(program.site(of: .gradientNorm, stage: 0))
        #expect(
            text(program.leavingOut(norm).verify()) == """
                error: stage 0, instruction 97 `START statistics on world 688B` does not follow \
                the gradients' norm  [step-order]
                error: stage 0, instruction 99 `STEP` does not follow the sum over all ranks\
                  [step-order]
                error: stage 0 does not end with updated weights  [step-order]
                """)
    }

    @Test("a line that is none of a program is quoted with its number")
    func quotesLine() throws {
        let problems = try #require(throws: Problems.self) {
            try Program(text: "program 2\nmesh pp2 and more\n", file: "step.program")
        }
        #expect(
            text(problems.diagnostics) == """
                step.program:2: error: cannot read `mesh pp2 and more` as a line of a program\
                  [program-syntax]
                  expected: a mesh such as `mesh pp4 dp4 cp1 tp1 ep4 etp1 carved1 chunks1 …`
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
                error: `plan.recompute` is `selective`, which Apus cannot compile into a program \
                yet  [not-compiled]
                  expected: `none` or `full`
                \(hint)
                """)
    }

    @Test("a model with a window over some layers is computed by the same islands")
    func ignoresWindows() {
        var windowed = Model.small()
        windowed.slidingWindow = 8
        windowed.windowedLayers = [0, 1, 2, 3]
        #expect(windowed.isComputedByIslands)
    }

    private func messages(compiling plan: Plan, of model: Model = .small()) -> String {
        let shape = StepShape(
            sequenceLength: 16, sequencesPerMicroBatch: 1, microBatches: 4,
            recompute: plan.buckets[0].recompute)
        do throws(Problems) {
            _ = try compile(model: model, plan: plan, shape: shape)
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
            "program 2",
            "mesh pp\(stages.count) dp1 cp1 tp1 ep1 etp1 carved1 chunks1 loop outermost",
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
