import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import ApusTestSupport
import Testing

@testable import apus

@Suite("What a host must have before ranks start")
struct HostCheckTests {
    @Test("GPUs for all of its ranks, if they are asked for")
    func device() {
        #expect(DeviceChoice.cuda.problems(localRanks: 4, gpus: 4).isEmpty)
        #expect(DeviceChoice.auto.problems(localRanks: 4, gpus: 0).isEmpty)
        #expect(
            DeviceChoice.cuda.problems(localRanks: 4, gpus: 1).map(\.description) == [
                """
                error: `--device cuda` needs a GPU for each rank of this host: it has 4 ranks, and \
                the engine sees 1 GPUs  [device]
                  expected: no more ranks on a host than GPUs, or `--device cpu`
                  hint: `apus doctor` says what the engine was built on
                """
            ])
    }

    @Test("GPUs are used where each rank gets one, and the CPU otherwise")
    func choice() {
        #expect(DeviceChoice.auto.device(localRank: 1, localRanks: 2, gpus: 2) == .cuda(1))
        #expect(DeviceChoice.auto.device(localRank: 1, localRanks: 2, gpus: 1) == .cpu)
        #expect(DeviceChoice.cpu.device(localRank: 1, localRanks: 2, gpus: 8) == .cpu)
    }

    @Test("memory for what all ranks hold together")
    func memory() throws {
        let model = Model(
            layerCount: 4, hiddenSize: 512, headCount: 8, keyValueHeadCount: 8, headDim: 64,
            expertCount: 4, topK: 2, expertHiddenSize: 1024, vocabularySize: 32_000,
            tiesEmbeddings: true)
        let program = try compile(
            model: model, plan: Plan(degrees: Degrees(pipeline: 2, data: 2), buckets: []),
            shape: StepShape(sequenceLength: 64, sequencesPerMicroBatch: 1, microBatches: 2))
        let need = HostMemoryNeed(program, model: model)
        // Two copies of every weight, and two more of the embedding on the last stage.
        let weights = 2 * (model.parameterCount + 32_000 * 512)
        #expect(need.persistent == Bytes(16 * weights))
        let enough = Bytes(8_000_000_000)
        #expect(need.problems(total: enough, available: enough).isEmpty)
        let warned = need.problems(total: enough, available: Bytes(1_000_000_000))
        #expect(warned.map(\.severity) == [.warning])
        let refused = need.problems(
            total: Bytes(1_000_000_000), available: Bytes(1_000_000_000))
        #expect(
            refused.map(\.description) == [
                """
                error: 4 ranks on this host need about \(need.total), it has 1.00 GB  [memory]
                  weights, gradients and Adam \(need.persistent), activations \
                \(need.activations), processes 620 MB
                  hint: a shorter sequence, `recompute: full`, a smaller model, or more hosts
                """
            ])
    }
}
