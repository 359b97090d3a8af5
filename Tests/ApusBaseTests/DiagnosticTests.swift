import ApusBase
import Testing

@Suite("Diagnostics")
struct DiagnosticTests {
    @Test("everything that is known is printed, in one order")
    func printsAll() {
        let diagnostic = Diagnostic(
            .worldSize, severity: .warning,
            location: .init(file: "plans/a.yaml", line: 8, column: 1), path: "plan",
            problem: "`plan` needs 96 ranks, `cluster` has 64", details: ["96 = 96", "64 = 64"],
            expected: "64 ranks", hint: "use fewer")
        #expect(
            diagnostic.description == """
                plans/a.yaml:8:1: warning: `plan` needs 96 ranks, `cluster` has 64  [world-size]
                  96 = 96
                  64 = 64
                  expected: 64 ranks
                  hint: use fewer
                """)
    }

    @Test("what is not known is left out")
    func leavesOut() {
        let problem = "no engine"
        #expect(
            Diagnostic(.unsupported, problem: problem).description
                == "error: no engine  [unsupported]")
        #expect(
            Diagnostic(
                .unsupported, severity: .note, location: .init(file: "a.yaml"), problem: problem
            ).description == "a.yaml: note: no engine  [unsupported]")
        #expect(
            Diagnostic(.unsupported, location: .init(file: "a.yaml", line: 3), problem: problem)
                .description == "a.yaml:3: error: no engine  [unsupported]")
    }
}
