import ApusBase
import ApusPlan
import Testing

@testable import ApusAudit

@Suite("A claim's arithmetic")
struct FormulaTests {
    /// A random expression, as text and as value.
    private func expression(depth: Int, using generator: inout SeededGenerator) -> (String, Double)
    {
        guard depth > 0, Int.random(in: 0..<4, using: &generator) > 0 else {
            let number = Double(Int.random(in: 1...9, using: &generator))
            return (plain(number), number)
        }
        let (left, first) = expression(depth: depth - 1, using: &generator)
        let (right, second) = expression(depth: depth - 1, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return ("(\(left) + \(right))", first + second)
        case 1: return ("(\(left)-\(right))", first - second)
        case 2: return ("(\(left)) * (\(right))", first * second)
        default: return ("((\(left)) ÷ (\(right)))", first / second)
        }
    }

    @Test("it computes what it says", arguments: 0..<100)
    func computes(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (text, value) = expression(depth: 5, using: &generator)
        let computed = try #require(try Formula(text).value([:]))
        #expect(computed == value || computed.isNaN && value.isNaN, "\(text)")
    }

    @Test(
        "products bind closer than sums, and equals go from left to right",
        arguments: [
            ("2 + 3 * 4", 14.0), ("2 * 3 + 4", 10), ("8 - 3 - 2", 3), ("8 / 4 / 2", 1),
            ("2e3 × 1.5", 3000), ("1E-2", 0.01), ("(1 + 2) · 3", 9),
        ])
    func bindsProducts(text: String, value: Double) throws {
        #expect(try Formula(text).value([:]) == value)
    }

    @Test("names take their values, and one without a value gives none")
    func takesNames() throws {
        let formula = try Formula("2 * B * hidden + B")
        #expect(formula.names == ["B", "hidden"])
        #expect(formula.value(["B": 3, "hidden": 5]) == 33)
        #expect(formula.value(["B": 3]) == nil)
    }

    @Test(
        "what is no arithmetic is refused with a reason",
        arguments: [
            ("", "it ends too early"), ("1 +", "it ends too early"), ("(1", "it ends too early"),
            ("1 2", "`2` does not belong there"), (")", "`)` does not belong there"),
            ("1 ^ 2", "`^` has no meaning"), ("1.2.3", "`1.2.3` is no number"),
            ("1e", "`1e` is no number"), ("-1", "`-` does not belong there"),
            (String(repeating: "(", count: 5000), "parentheses are nested too deeply"),
        ])
    func refuses(text: String, reason: String) {
        #expect(throws: Formula.Failure(reason: reason)) { try Formula(text) }
    }

    @Test("a formula that does not give the claim's value is found, in the claim's unit")
    func findsWrongResult() throws {
        let claim = "id: ceiling, quantity: tokens_per_ms_per_gpu.ceiling, value: 13300, at: 16"
        #expect(
            try AuditFile.messages(
                .claimFormula, claims: ["\(claim), formula: 240e12 / 18e9"]) == [
                    """
                    plans/small.yaml:25:5: error: `ceiling` is 13300 tokens/ms/GPU, its own \
                    formula gives 13.3 tokens/ms/GPU  [claim-formula]
                      formula: 240e12 / 18e9 = 13.3 tokens/ms/GPU
                      the claim, 13300 tokens/ms/GPU, is 998 times the formula
                      expected: 13.3 tokens/ms/GPU by the formula
                    """
                ])
        #expect(
            try AuditFile.messages(.claimFormula, claims: ["\(claim), formula: 13.3e6 * 1.0"])
                == [])
    }

    @Test("terms that do not add up to the formula are found, in units of what both share")
    func findsWrongTerms() throws {
        let claim = "id: act, quantity: memory.activations_gb, value: 1, at: 16"
        let message = try AuditFile.messages(
            .claimFormula,
            claims: [
                "\(claim), formula: 16 * B * S * hidden, terms: 2*B*S*hidden*layers + B*S*hidden"
            ]
        ).first
        #expect(
            message?.hasPrefix(
                "plans/small.yaml:25:5: error: the terms of `act` add up to 9·B·S·hidden, its "
                    + "formula says 16·B·S·hidden  [claim-formula]") == true)
    }

    @Test("a formula that cannot be computed is found where it stands")
    func findsUnknownNames() throws {
        let claim = "id: act, quantity: memory.activations_gb, value: 1, at: 16"
        let problems = try AuditFile.report(claims: ["\(claim), formula: 2 * hiden"]).problems
            .filter { $0.code == .claimFormula }
        #expect(
            problems.map(\.description) == [
                """
                plans/small.yaml:25:67: error: `2 * hiden` cannot be computed: `hiden` is no name \
                that has a value here  [claim-formula]
                  expected: numbers, `+ - * /`, parentheses and names such as `hidden`
                  hint: did you mean `hidden`?
                """
            ])
        let infinite = try AuditFile.report(claims: ["\(claim), formula: 1 / (B - B)"]).problems
        #expect(infinite.contains { $0.problem.hasSuffix("the result is no finite number") })
    }
}
