import ApusBase
import ApusCost
import ApusPlan

/// Steps that the memory tests share: how they are put together, and models that were measured.
extension Step {
    /// A step of one flush, priced on a cluster whose speed does not matter here.
    static func memory(
        _ model: Model, _ degrees: Degrees, schedule: Plan.Schedule = .oneForwardOneBackward,
        chunks: Int = 1, zero: Int = 1, sequenceParallel: Bool = true,
        recompute: Plan.Recompute = .none, microBatch: Int = 1, microBatches: Int,
        length: Int, precision: Precision = .bf16, routing: Routing = Routing(),
        implementation: Implementation = .standard
    ) -> Step {
        let bucket = Plan.Bucket(
            lengthMax: nil, microBatches: microBatches,
            sequencesPerDataRank: microBatches * microBatch, tensorParallel: degrees.tensor,
            recompute: recompute)
        return Step(
            model: model,
            cluster: Cluster(
                nodeCount: 1, gpusPerNode: degrees.worldSize,
                gpu: GPU(
                    name: "any", peakTeraFLOPs: [:], memoryGB: 80,
                    memoryBandwidthGBPerSecond: 2000), links: []),
            workload: Workload(
                sequencesPerBatch: microBatches * microBatch * degrees.data,
                sequenceLengths: [length], precision: precision),
            routing: routing,
            plan: Plan(
                degrees: degrees, schedule: schedule, chunksPerRank: chunks, zeroStage: zero,
                sequenceParallel: sequenceParallel, buckets: [bucket]),
            bucket: bucket, sequenceLength: length, implementation: implementation)
    }

    var memory: [StageMemory] { CostModel(cluster: cluster).memory(of: self) }
}

extension Bytes {
    var gibibytes: Double { Double(count) / 1_073_741_824 }
}

extension Model {
    static func llama(
        layers: Int, hidden: Int, inner: Int, heads: Int, keyValueHeads: Int, vocabulary: Int
    ) -> Model {
        var model = Model(
            layerCount: layers, hiddenSize: hidden, headCount: heads,
            keyValueHeadCount: keyValueHeads, headDim: 128, expertCount: 0, topK: 0,
            expertHiddenSize: 0, vocabularySize: vocabulary, tiesEmbeddings: false)
        model.family = .llama
        model.denseHiddenSize = inner
        return model
    }

    /// A GPT of Megatron's tests and papers: LayerNorm, biases, no gate, learned positions.
    static func gpt(
        layers: Int, hidden: Int, heads: Int, keyValueHeads: Int, headDim: Int, vocabulary: Int,
        positions: Int, tied: Bool
    ) -> Model {
        var model = Model(
            layerCount: layers, hiddenSize: hidden, headCount: heads,
            keyValueHeadCount: keyValueHeads, headDim: headDim, expertCount: 0, topK: 0,
            expertHiddenSize: 0, vocabularySize: vocabulary, tiesEmbeddings: tied)
        model.family = .gpt2
        model.denseHiddenSize = 4 * hidden
        model.isGated = false
        model.norm = .layer
        model.hasQueryKeyValueBias = true
        model.hasAttentionOutputBias = true
        model.hasFeedForwardBias = true
        model.learnedPositions = positions
        return model
    }

    static func deepSeek(
        layers: Int, hidden: Int, inner: Int, experts: Int, topK: Int, expertInner: Int,
        shared: Int, vocabulary: Int
    ) -> Model {
        var model = Model(
            layerCount: layers, hiddenSize: hidden, headCount: 128, keyValueHeadCount: 128,
            headDim: 128, expertCount: experts, topK: topK, expertHiddenSize: expertInner,
            vocabularySize: vocabulary, tiesEmbeddings: false)
        model.family = .deepSeekV3
        model.latentAttention = LatentAttention(
            queryRank: 1536, keyValueRank: 512, plainHeadDim: 128, rotaryHeadDim: 64,
            valueHeadDim: 128)
        model.denseLayers = [0]
        model.denseHiddenSize = inner
        model.sharedExpertHiddenSize = shared
        return model
    }

    static let llama70B = llama(
        layers: 80, hidden: 8192, inner: 28672, heads: 64, keyValueHeads: 8, vocabulary: 128_256)
    static let llama70B12 = llama(
        layers: 12, hidden: 8192, inner: 28672, heads: 64, keyValueHeads: 8, vocabulary: 128_256)
    /// With the 16 key-value heads that the runs were made with.
    static let llama405B4 = llama(
        layers: 4, hidden: 16384, inner: 53248, heads: 128, keyValueHeads: 16,
        vocabulary: 128_256)
    static let deepSeekV2L4 = deepSeek(
        layers: 4, hidden: 5120, inner: 12288, experts: 160, topK: 6, expertInner: 1536,
        shared: 3072, vocabulary: 102_400)
    static let deepSeekV3L4 = deepSeek(
        layers: 4, hidden: 7168, inner: 18432, experts: 256, topK: 8, expertInner: 2048,
        shared: 2048, vocabulary: 129_280)
    static let gpt7B = gpt(
        layers: 32, hidden: 4096, heads: 32, keyValueHeads: 8, headDim: 128,
        vocabulary: 131_073, positions: 8192, tied: false)
    static let mixtral8x7B = Model(
        layerCount: 32, hiddenSize: 4096, headCount: 32, keyValueHeadCount: 8, headDim: 128,
        expertCount: 8, topK: 2, expertHiddenSize: 14336, vocabularySize: 32000,
        tiesEmbeddings: false)
}

extension Implementation {
    /// Megatron-LM as SimuMax ran it on B200: cross-entropy of Transformer Engine.
    static let simuMax: Implementation = {
        var result = Implementation(name: "Megatron-LM@23e00ed, TE 2.11")
        result.crossEntropy = .inPlace
        return result
    }()

    /// Megatron-Core's CI: dropout at its default, weight gradients in buffers of their own.
    static let megatronCI: Implementation = {
        var result = Implementation(name: "Megatron-Core CI")
        result.dropsOut = true
        result.accumulatesInProducts = false
        result.vocabularyMultiple = 128
        return result
    }()

    /// Megatron-LM of 2022: scores are written out.
    static let megatron2022: Implementation = {
        var result = Implementation(name: "Megatron-LM 2022")
        result.fusedAttention = false
        result.dropsOut = true
        result.vocabularyMultiple = 128
        return result
    }()
}
