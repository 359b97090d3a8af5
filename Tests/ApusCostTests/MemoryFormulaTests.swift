import ApusPlan
import Testing

@testable import ApusCost

@Suite("Activations against the literature")
struct MemoryFormulaTests {
    /// A model of table 3 in Korthikanti 2022, and what figures 1 and 7 there say of it.
    struct Published: CustomTestStringConvertible, Sendable {
        var name: String
        var layers: Int
        var hidden: Int
        var heads: Int
        var pipeline: Int
        var chunks: Int
        var microBatch: Int
        /// GiB per GPU without recomputation and sequence parallelism, and with both.
        var baseline: Double
        var present: Double
        /// Percent of the baseline: sequence parallel, selective, both, full recomputation.
        var shares: [Double]

        var testDescription: String { name }

        func activations(
            _ recompute: Plan.Recompute, sequenceParallel: Bool
        ) -> Double {
            let model = Model.gpt(
                layers: layers, hidden: hidden, heads: heads, keyValueHeads: heads,
                headDim: hidden / heads, vocabulary: 51_200, positions: 2048, tied: true)
            return Step.memory(
                model, Degrees(pipeline: pipeline, tensor: 8),
                schedule: chunks > 1 ? .interleaved : .oneForwardOneBackward, chunks: chunks,
                zero: 0, sequenceParallel: sequenceParallel, recompute: recompute,
                microBatch: microBatch, microBatches: 8 * pipeline, length: 2048,
                precision: .fp16, implementation: .megatron2022
            ).memory[0].activations.gibibytes
        }
    }

    static let published = [
        Published(
            name: "22B", layers: 48, hidden: 6144, heads: 64, pipeline: 1, chunks: 1,
            microBatch: 4, baseline: 59.25, present: 9.5625, shares: [66.84, 49.42, 16.18, 7.64]),
        Published(
            name: "175B", layers: 96, hidden: 12288, heads: 96, pipeline: 8, chunks: 3,
            microBatch: 1, baseline: 66.84375, present: 12.3515625,
            shares: [62.04, 56.53, 18.49, 8.71]),
        Published(
            name: "530B", layers: 105, hidden: 20480, heads: 128, pipeline: 35, chunks: 3,
            microBatch: 1, baseline: 114.0234375, present: 23.076171875,
            shares: [58.31, 62.04, 20.27, 9.42]),
        Published(
            name: "1T", layers: 128, hidden: 25600, heads: 160, pipeline: 64, chunks: 1,
            microBatch: 1, baseline: 131.25, present: 26.5625,
            shares: [58.31, 62.04, 20.27, 9.42]),
    ]

    @Test("GPT holds what Korthikanti et al. show, within 0.2 %", arguments: published)
    func meetsKorthikanti(model: Published) {
        let baseline = model.activations(.none, sequenceParallel: false)
        let present = model.activations(.selective, sequenceParallel: true)
        #expect(abs(baseline / model.baseline - 1) < 0.002)
        #expect(abs(present / model.present - 1) < 0.002)
    }

    @Test("and the shares they show, within 0.2 points", arguments: published)
    func meetsShares(model: Published) {
        let baseline = model.activations(.none, sequenceParallel: false)
        let shares = [
            model.activations(.none, sequenceParallel: true),
            model.activations(.selective, sequenceParallel: false),
            model.activations(.selective, sequenceParallel: true),
            model.activations(.full, sequenceParallel: false),
        ]
        for (share, published) in zip(shares, model.shares) {
            #expect(abs(100 * share / baseline - published) < 0.2)
        }
    }

    /// A layer of experts alone, as Megatron-Core measures it: 4096 tokens a rank, 8 ranks.
    ///
    /// Source: NVIDIA/Megatron-LM@d98e8a64dd, tests/functional_tests/test_cases/common/moe_perf,
    /// `moe_layer_max_allocated` in bf16.
    @Test(
        "a layer of experts holds what Megatron-Core measured, within 5 %",
        arguments: [
            (7168, 32, 8, 2048, Implementation.Dispatcher.allToAll, 3.2063),
            (7168, 32, 8, 2048, .fused, 2.2774),
            (4096, 8, 2, 14336, .allToAll, 2.6917),
            (4096, 8, 2, 14336, .fused, 2.6918),
        ])
    func meetsMoELayer(
        hidden: Int, experts: Int, topK: Int, inner: Int, dispatcher: Implementation.Dispatcher,
        measured: Double
    ) {
        var model = Model(
            layerCount: 1, hiddenSize: hidden, headCount: 1, keyValueHeadCount: 1, headDim: 1,
            expertCount: experts, topK: topK, expertHiddenSize: inner, vocabularySize: 1,
            tiesEmbeddings: true)
        model.isGated = false
        var implementation = Implementation.standard
        implementation.dispatcher = dispatcher
        implementation.fusedElementwise = false
        let degrees = Degrees(data: 8, expert: 8)
        let shape = LayerShape(
            model: model, degrees: degrees, sequencesPerMicroBatch: 1, sequenceLength: 4096,
            sequenceParallel: false, implementation: implementation)
        let memory = shape.expertMemory
        let weights = LayerWeights(model: model, stored: degrees, vocabularyMultiple: 1)
        // Weights and gradients in BF16, and the layer's input and the gradient of its output.
        let states = 4 * (weights.experts + Double(hidden * experts)) + 2 * shape.stream
        let workspaces = MemoryConstants.workspace + MemoryConstants.groupedWorkspace
        let total = (states + memory.whole + memory.backward + workspaces) / 1_073_741_824
        #expect(abs(total / measured - 1) < 0.05, "\(total) GiB against \(measured) GiB")
    }
}
