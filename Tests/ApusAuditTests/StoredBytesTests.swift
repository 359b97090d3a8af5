import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusAudit

@Suite("Bytes that are kept and sent")
struct StoredBytesTests {
    private func quantities(replacing changes: [(String, String)] = []) throws -> Quantities {
        Quantities(of: try AuditFile.read(AuditFile.text(replacing: changes)).deployment)
    }

    @Test(
        "FP8 computes with one byte and keeps and sends two, as BF16 does",
        arguments: [Quantity.parameterMemory, .allToAllBytes, .pointToPointBytes])
    func keepsTwoBytes(quantity: Quantity) throws {
        func measure(_ precision: Precision) throws -> Measure {
            var deployment = try quantities().deployment
            deployment.workload.precision = precision
            return Quantities(of: deployment).measure(quantity, at: 16)
        }
        let two = try measure(.bf16)
        #expect(two.why.contains("× 2 bytes"))
        #expect(try measure(.fp8) == two)
        #expect(try measure(.fp32).number == two.number.map { 2 * $0 })
    }

    @Test("a formula's `element_bytes` is what is kept")
    func namesElementBytes() throws {
        var deployment = try quantities().deployment
        deployment.workload.precision = .fp8
        #expect(Quantities(of: deployment).formulaValues(at: 16)["element_bytes"] == 2)
    }
}
