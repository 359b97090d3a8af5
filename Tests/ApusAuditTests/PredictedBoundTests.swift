import ApusBase
import ApusCost
import ApusPlan
import Testing

@testable import ApusAudit

@Suite("Predictions, and the bounds that no run passes")
struct PredictedBoundTests {
    private func quantities(replacing changes: [(String, String)] = []) throws -> Quantities {
        Quantities(of: try AuditFile.read(AuditFile.text(replacing: changes)).deployment)
    }

    @Test("waiting for the host's launches is no use of the GPU")
    func countsHostAsIdle() throws {
        let quantities = try quantities()
        let step = try #require(quantities.step(at: 16))
        let prediction = CostModel(cluster: step.cluster).predict(step)
        let parts = prediction.breakdown
        // Kernels this small are over before the host launches the next.
        #expect(parts.host > 0.5 * prediction.stepTime)
        let kernels =
            parts.products + parts.expertProducts + parts.attention + parts.elementwise
            + parts.optimizer
        let measure = quantities.measure(.gpuUtilization, at: 16)
        let busy = try #require(measure.number)
        #expect(isNear(busy, kernels / prediction.stepTime))
        #expect(measure.why.contains("waiting \(parts.host) for the host's launches is idle"))
    }
}
