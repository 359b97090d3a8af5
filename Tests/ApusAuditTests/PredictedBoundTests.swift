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

    @Test("the least time to the first token has the head's FLOPs once, whatever the length")
    func boundsFirstToken() throws {
        for length in [16, 4096] {
            let bounds = try [512, 1024].map { vocabulary in
                let quantities = try quantities(replacing: [
                    ("vocab_size: 512", "vocab_size: \(vocabulary)"),
                    ("sequence_lengths: [16]", "sequence_lengths: [\(length)]"),
                ])
                let measure = quantities.measure(.timeToFirstToken, at: length)
                return try #require(measure.atLeast).value
            }
            // 512 words more at hidden 64, on four H100s.
            #expect(isNear(bounds[1] - bounds[0], 2 * 512 * 64 / (4 * 989e12), within: 0.01))
        }
    }

    @Test("full recomputation lowers the throughput bound by the layers' forward, not the head's")
    func boundsThroughput() throws {
        let full = [("  micro_batches: 2\n", "  micro_batches: 2\n  recompute: full\n")]
        let bounds = try [[], full].map { changes in
            let measure = try quantities(replacing: changes).measure(
                .tokensPerMillisecond, at: 16)
            return try #require(measure.atMost).value
        }
        let forward = try quantities().model.forwardFLOPsPerToken(length: 16)
        let passes = (4 * forward.total - forward.head) / (3 * forward.total)
        #expect(isNear(bounds[0] / bounds[1], passes))
    }
}
