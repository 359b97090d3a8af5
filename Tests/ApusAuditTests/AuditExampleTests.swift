import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusAudit

@Suite("An audit")
struct AuditExampleTests {
    @Test("finds a claim that the model's own dimensions contradict")
    func servesAsExample() throws {
        var deployment = Deployment.small(pipeline: 2, data: 2)
        deployment.claims = [
            Claim(
                id: "size", quantity: "parameters", value: .number(10e9), sequenceLength: nil)
        ]
        let verdict = try #require(Audit(of: deployment).report().claims.first)
        #expect(verdict.verdict == .wrong)
        #expect(verdict.computed == .number(Double(deployment.model.parameterCount)))
    }
}
