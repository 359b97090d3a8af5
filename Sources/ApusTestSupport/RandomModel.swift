package import ApusBase
package import ApusPlan

extension Model {
    /// A random model of any family that a file can describe, and that the degrees divide.
    ///
    /// Dense families come only where no axis of experts does.
    package static func random(
        for degrees: Degrees = Degrees(), using generator: inout SeededGenerator
    ) -> Model {
        let isSplit = degrees.expert * degrees.expertTensor > 1
        let families = Family.allCases.filter { !isSplit || ![.llama, .gpt2].contains($0) }
        let family = families.randomElement(using: &generator) ?? .mixtral
        let experts = degrees.expert * Int.random(in: 1...3, using: &generator)
        let heads = 32
        var model = Model(
            layerCount: degrees.pipeline * Int.random(in: 2...5, using: &generator),
            hiddenSize: .random(in: 1...1000, using: &generator), headCount: heads,
            keyValueHeadCount: 1 << Int.random(in: 0...5, using: &generator),
            headDim: 2 * Int.random(in: 1...64, using: &generator), expertCount: experts,
            topK: .random(in: 1...experts, using: &generator),
            expertHiddenSize: degrees.expertTensor * Int.random(in: 1...500, using: &generator),
            vocabularySize: .random(in: 1...100_000, using: &generator),
            tiesEmbeddings: .random(using: &generator), rmsNormEpsilon: generator.nextUnit() / 1e4,
            ropeTheta: 1 + generator.nextUnit() * 1e6)
        model.family = family
        model.vary(using: &generator)
        return model
    }

    /// Gives the model what its family has, in every way that the family's keys can say.
    private mutating func vary(using generator: inout SeededGenerator) {
        let bias = Bool.random(using: &generator)
        hasQueryKeyValueBias = bias && family != .mixtral
        hasAttentionOutputBias = hasQueryKeyValueBias && family != .qwen2MoE
        if Bool.random(using: &generator) {
            variations = [ModelVariation(key: "hidden_act", value: "\"it's \\\"new\\\"\"")]
        }
        switch family {
        case .mixtral:
            window(Array(0..<layerCount), using: &generator)
        case .qwen2MoE:
            sharedExpertHiddenSize = .random(in: 1...500, using: &generator)
            hasSharedExpertGate = true
            leaveDense((0..<layerCount).filter { _ in .random(using: &generator) }, &generator)
            let layers = (0..<layerCount).filter { _ in .random(using: &generator) }
            window(layers, using: &generator)
        case .qwen3MoE:
            queryKeyNorm = .perHead
            leaveDense((0..<layerCount).filter { _ in .random(using: &generator) }, &generator)
            window(Array(0..<layerCount), using: &generator)
        case .olmoe:
            queryKeyNorm = .whole
        case .deepSeekV2, .deepSeekV3:
            varyDeepSeek(using: &generator)
        case .gptOSS:
            hasAttentionSinks = true
            hasRouterBias = true
            hasFeedForwardBias = true
            let layers = (0..<layerCount).filter { _ in .random(using: &generator) }
            window(layers, using: &generator)
        case .llama, .gpt2:
            becomeDense(using: &generator)
        }
    }

    private mutating func window(_ layers: [Int], using generator: inout SeededGenerator) {
        guard Bool.random(using: &generator), !layers.isEmpty else { return }
        slidingWindow = .random(in: 1...10_000, using: &generator)
        windowedLayers = layers
    }

    private mutating func leaveDense(_ layers: [Int], _ generator: inout SeededGenerator) {
        guard !layers.isEmpty else { return }
        denseLayers = layers
        denseHiddenSize = .random(in: 1...500, using: &generator)
    }

    private mutating func varyDeepSeek(using generator: inout SeededGenerator) {
        let latent = LatentAttention(
            queryRank: Bool.random(using: &generator) ? 48 : nil, keyValueRank: 40,
            plainHeadDim: .random(in: 1...64, using: &generator),
            rotaryHeadDim: 2 * Int.random(in: 1...32, using: &generator),
            valueHeadDim: .random(in: 1...64, using: &generator))
        latentAttention = latent
        headDim = latent.queryHeadDim
        keyValueHeadCount = headCount
        sharedExpertHiddenSize = Int.random(in: 0...3, using: &generator) * expertHiddenSize
        hasFeedForwardBias = .random(using: &generator)
        let first = Int.random(in: 0...layerCount, using: &generator)
        let step = Int.random(in: 1...3, using: &generator)
        leaveDense((0..<layerCount).filter { $0 < first || $0 % step != 0 }, &generator)
        hasSelectionBias = .random(using: &generator)
        if expertCount > 1, Bool.random(using: &generator) {
            expertGroups = ExpertGroups(count: expertCount, countPerToken: topK)
        }
    }

    private mutating func becomeDense(using generator: inout SeededGenerator) {
        expertCount = 0
        topK = 0
        expertHiddenSize = 0
        leaveDense(Array(0..<layerCount), &generator)
        hasFeedForwardBias = .random(using: &generator)
        guard family == .gpt2 else { return }
        hiddenSize = 32 * Int.random(in: 1...30, using: &generator)
        headDim = hiddenSize / headCount
        keyValueHeadCount = headCount
        learnedPositions = .random(in: 1...4096, using: &generator)
        norm = .layer
        isGated = false
        hasFeedForwardBias = true
        hasQueryKeyValueBias = true
        hasAttentionOutputBias = true
        ropeTheta = 1e6
    }
}
