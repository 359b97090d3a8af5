import ApusBase
import ApusTestSupport
import Testing

@testable import ApusPlan

@Suite("FLOPs of one token")
struct TokenFLOPsTests {
    private func model(_ keys: String) throws -> Model {
        try readModelConfig(text: "{ \(keys) }", file: "config.json").model
    }

    @Test("they are those of the strategy document's model, part by part")
    func countsReference() throws {
        let text = try Repository.text("Plans/strategy-16gpu.yaml")
        let flops = try SmallFile.read(text).deployment.model.forwardFLOPsPerToken(length: 1024)
        // 16 layers of four matrices 512 × 512, two operations for each element.
        let projections: Double = 16 * 4 * 512 * 512 * 2
        // 16 layers, two products of 512 with 512 tokens on average.
        let scores: Double = 16 * 2 * 512 * 512 * 2
        // 16 layers, two experts of three matrices 512 × 1024.
        let experts: Double = 16 * 2 * 3 * 512 * 1024 * 2
        let router: Double = 16 * 16 * 512 * 2
        let head: Double = 32_000 * 512 * 2
        #expect(flops.attentionScores == scores)
        #expect(flops.attention == projections + scores)
        #expect(flops.experts == experts)
        #expect(flops.router == router)
        #expect(flops.head == head)
        #expect(flops.shared == 0 && flops.dense == 0)
        #expect(
            flops.total
                == flops.attention + flops.experts + flops.router + flops.head)
    }

    @Test(
        "without attention's scores they are twice the matrices that a token meets",
        arguments: 0..<100)
    func isTwiceMatrices(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let model = Model.random(using: &generator)
        var matrices = model.vocabularySize * model.hiddenSize
        for parameter in model.parameters where parameter.decays {
            switch parameter.kind {
            case .embedding, .norms, .head: break
            case .attention, .router, .shared, .dense: matrices += parameter.count
            case .experts: matrices += parameter.count / model.expertCount * model.topK
            }
        }
        let flops = model.forwardFLOPsPerToken(length: 100)
        #expect(flops.total - flops.attentionScores == 2 * Double(matrices))
    }

    @Test("DeepSeek-V3 has the FLOPs that its authors and others count")
    func countsDeepSeek() throws {
        let example = try #require(ExamplePlan.all.first { $0.file == "deepseek-v3.yaml" })
        let model = try example.read().deployment.model
        let flops = model.forwardFLOPsPerToken(length: 4096)
        // Every weight that a token meets, but the embedding, is in a product.
        let weights = 2 * Double(model.activeParameterCount - 129_280 * 7168)
        #expect(abs((flops.total - flops.attentionScores) / weights - 1) < 1e-3)
        // 61 layers of 128 heads, keys of 192 and values of 128, 2048 tokens on average.
        let scores: Double = 61 * 2 * 128 * (192 + 128) * 2048
        #expect(flops.attentionScores == scores)
    }

    @Test("a window limits how far a token looks back", arguments: [1, 2, 7, 16, 100])
    func countsWindow(window: Int) {
        // Pairs of tokens that see each other, half of a token's own pair counted as causal
        // attention counts it.
        for length in [1, 5, 16, 64] {
            var pairs = 0.0
            for token in 0..<length { pairs += min(Double(token) + 0.5, Double(window)) }
            let seen = Model.tokensSeen(length: length, window: window)
            let exact = pairs / Double(length)
            #expect(abs(seen - exact) <= 0.125 / Double(length) + 1e-12)
        }
        #expect(Model.tokensSeen(length: 64, window: nil) == 32)
        #expect(Model.tokensSeen(length: 64, window: 64) == 32)
    }

    @Test("GPT-OSS's windows take half of its layers' scores away")
    func countsWindowedLayers() throws {
        let keys = ModelFamilyTests.published[4].keys
        let full = try model(keys).forwardFLOPsPerToken(length: 8192)
        let windowed = try model(keys + ", sliding_window: 128").forwardFLOPsPerToken(length: 8192)
        #expect(windowed.total < full.total)
        let share = windowed.attentionScores / full.attentionScores
        // Of the 4096 tokens on average, the layers with a window see 127.
        let expected = 0.5 + 0.5 * 127.0 / 4096
        #expect(abs(share - expected) < 1e-9)
    }

    @Test("training is three times forward, four times with full recomputation", arguments: 0..<20)
    func countsTraining(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let model = Model.random(using: &generator)
        let forward = model.forwardFLOPsPerToken(length: 512)
        let training = Plan.Recompute.allCases.map {
            model.trainingFLOPsPerToken(length: 512, recompute: $0)
        }
        #expect(
            training == [
                3 * forward.total, 3 * forward.total + forward.attentionScores, 4 * forward.total,
            ])
    }
}
