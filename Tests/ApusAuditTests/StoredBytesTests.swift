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

    @Test(
        "where no weight has one copy only, the largest rank reduces every gradient it holds",
        arguments: ["1f1b", "interleaved_1f1b\n  chunks_per_rank: 2", "zero_bubble_v"],
        [0, 1, 2])
    func reducesAllGradients(schedule: String, dense: Int) throws {
        var deployment = try quantities(
            replacing: AuditFile.pipelined + [
                ("  expert_parallel: 2\n", "  schedule: \(schedule)\n")
            ]
        ).deployment
        deployment.model.denseLayers = Array(0..<dense)
        deployment.model.denseHiddenSize = 4096
        let quantities = Quantities(of: deployment)
        let step = try #require(quantities.step(at: 16))
        let held = CostModel(cluster: step.cluster).memory(of: step).map(\.gradients.count).max()
        let measure = quantities.measure(.dataParallelBytes, at: 16)
        #expect(measure.number == held.map(Double.init), "\(measure.why)")
    }

    @Test("in a V-shaped schedule the rank with the embedding reduces the head's gradients too")
    func reducesBothEnds() throws {
        let quantities = try quantities(
            replacing: AuditFile.pipelined + [
                ("  expert_parallel: 2\n", "  expert_parallel: 2\n  schedule: zero_bubble_v\n")
            ])
        // In FP32: attention, norms and router of two layers, embedding, head and the last norm. No
        // expert is on two ranks of a stage.
        let layer = 2 * 64 * 64 + 2 * 64 * 32 + 2 * 64 + 4 * 64
        #expect(
            quantities.measure(.dataParallelBytes, at: 16).number
                == Double(4 * (2 * layer + 2 * 512 * 64 + 64)))
    }

    @Test("recomputation saves a share of what transformer layers keep, whatever the plan does")
    func savesOfLayers() throws {
        func saving(_ changes: [(String, String)]) throws -> Double {
            try #require(
                try quantities(replacing: changes).measure(.recomputationSaving, at: 16).number)
        }
        let full = [("  micro_batches: 2\n", "  micro_batches: 2\n  recompute: full\n")]
        let planned = try saving(full)
        #expect(0.8...0.99 ~= planned)
        for changes in [[], full + [("vocab_size: 512", "vocab_size: 8192")]] {
            #expect(isNear(try saving(changes), planned))
        }
        #expect(isNear(try saving(AuditFile.pipelined + full), planned))
    }
}
