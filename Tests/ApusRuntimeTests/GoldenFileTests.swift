import Foundation
import Testing

@Suite("Golden files")
struct GoldenFileTests {
    static let models = ["mixtral-untied", "mixtral-tied"]

    @Test("every weight has a gradient of its shape", arguments: models)
    func pairsWeightsWithGradients(name: String) throws {
        let file = try GoldenFile(named: name)
        let config = file.config
        // Four projections, two norms, the gate, and three matrices for each expert.
        let perLayer = 7 + 3 * config.num_local_experts
        let outside = config.tie_word_embeddings ? 2 : 3
        #expect(file.weightNames.count == perLayer * config.num_hidden_layers + outside)
        for weight in file.weightNames {
            #expect(try file.floats(weight).shape == file.floats("grad.\(weight)").shape)
        }
    }

    @Test("the loss is the mean cross-entropy of the logits", arguments: models)
    func agreesWithItsLogits(name: String) throws {
        let file = try GoldenFile(named: name)
        let logits = try file.floats("logits")
        let targets = try file.integers("targets")
        let vocab = file.config.vocab_size
        #expect(logits.shape == targets.shape + [vocab])
        var sum = 0.0
        for (token, target) in targets.values.enumerated() {
            let scores = logits.values[token * vocab..<(token + 1) * vocab].map(Double.init)
            sum += log(scores.map(exp).reduce(0, +)) - scores[Int(target)]
        }
        let loss = try #require(try file.floats("loss").values.first)
        #expect(abs(sum / Double(targets.values.count) - Double(loss)) < 1e-5)
    }

    @Test("each token goes to different experts, with weights that add up to 1", arguments: models)
    func routesEachToken(name: String) throws {
        let file = try GoldenFile(named: name)
        let topK = file.config.num_experts_per_tok
        for layer in 0..<file.config.num_hidden_layers {
            let experts = try file.integers("layers.\(layer).experts").values
            let weights = try file.floats("layers.\(layer).expert_weights").values
            for start in stride(from: 0, to: experts.count, by: topK) {
                #expect(Set(experts[start..<start + topK]).count == topK)
                #expect(abs(weights[start..<start + topK].reduce(0, +) - 1) < 1e-6)
            }
        }
    }

    @Test("a damaged file is an error that says what is wrong")
    func refusesDamage() throws {
        #expect(throws: GoldenFile.Invalid("shorter than a header")) {
            try GoldenFile(bytes: [1, 2, 3])
        }
        #expect(throws: GoldenFile.Invalid("the header is cut off")) {
            try GoldenFile(bytes: Array(repeating: 0xff, count: 16))
        }
        #expect(throws: GoldenFile.Invalid("no entry `golden` in the metadata")) {
            try GoldenFile(bytes: [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))
        }
        let file = try GoldenFile(named: "mixtral-tied")
        #expect(throws: GoldenFile.Invalid("no tensor `lm_head.weight`")) {
            try file.floats("lm_head.weight")
        }
        #expect(throws: GoldenFile.Invalid("`input_ids` is I64, not F32")) {
            try file.floats("input_ids")
        }
    }
}
