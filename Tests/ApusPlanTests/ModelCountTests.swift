import ApusBase
import ApusTestSupport
import Testing

@testable import ApusPlan

@Suite("Counts of a model in closed form")
struct ModelCountTests {
    @Test("they are the sums over the stored weights, by kind", arguments: 0..<200)
    func equalsSums(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let model = Model.random(using: &generator)
        let parameters = model.parameters
        for kind in StoredParameter.Kind.allCases {
            let sum = parameters.filter { $0.kind == kind }.map(\.count).reduce(0, +)
            #expect(model.parameterCount(of: kind) == sum, "\(kind) of \(model)")
        }
        #expect(model.parameterCount == parameters.map(\.count).reduce(0, +))
    }

    @Test("a layer's parts are the sums over its weights", arguments: 0..<50)
    func equalsLayerSums(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let model = Model.random(using: &generator)
        for layer in 0..<model.layerCount {
            let parts = model.layerParameters(layer)
            let experts = model.isDense(layer) ? 0 : model.expertCount
            let sum = model.parameters.filter { $0.layer == layer }.map(\.count).reduce(0, +)
            #expect(parts.total(experts: experts) == sum)
            #expect((parts.dense > 0) == model.isDense(layer))
            #expect((parts.router > 0) != model.isDense(layer))
        }
    }

    @Test("stored weights tile their tensors, whatever the share of experts", arguments: 0..<100)
    func tilesTensors(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let model = Model.random(using: &generator)
        for share in [0..<model.expertCount, 0..<min(1, model.expertCount)] {
            let stored = model.storedParameters(
                layers: 0..<model.layerCount, isFirst: true, isLast: true, experts: share)
            for parameter in stored {
                var next = 0
                for piece in parameter.pieces {
                    #expect(piece.offset == next, "\(parameter.name)")
                    next += piece.count
                }
                #expect(next == parameter.count, "\(parameter.name)")
            }
            #expect(Set(stored.map(\.name)).count == stored.count)
        }
    }

    @Test("what one token meets leaves out the experts not chosen", arguments: 0..<50)
    func leavesOutIdleExperts(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let model = Model.random(using: &generator)
        var chosen = model
        chosen.expertCount = model.topK
        let routers = model.parameterCount(of: .router) - chosen.parameterCount(of: .router)
        #expect(model.activeParameterCount == chosen.parameterCount + routers)
    }

    @Test("norms and biases do not decay, matrices do", arguments: 0..<20)
    func decays(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for parameter in Model.random(using: &generator).parameters {
            let isVector = parameter.name.contains("bias") || parameter.name.hasSuffix("sinks")
            #expect(parameter.decays == (parameter.kind != .norms && !isVector))
        }
    }

    @Test("the largest models that a file may describe are counted, not trapped on")
    func countsLargest() throws {
        let mixture = """
            { model_type: deepseek_v2, num_hidden_layers: 1024, hidden_size: 65536,
              num_attention_heads: 4096, vocab_size: 4194304, n_routed_experts: 4096,
              num_experts_per_tok: 4096, moe_intermediate_size: 262144, n_shared_experts: 256,
              intermediate_size: 262144, first_k_dense_replace: 0, q_lora_rank: 65536,
              kv_lora_rank: 65536, qk_nope_head_dim: 4096, qk_rope_head_dim: 4096,
              v_head_dim: 4096, mlp_bias: true, attention_bias: true }
            """
        let model = try readModelConfig(text: mixture, file: "a.json").model
        #expect(model.parameterCount < 1 << 58)
        #expect(model.parameterCount(of: .experts) > 1 << 57)
        #expect(model.forwardFLOPsPerToken(length: 1_048_576).total.isFinite)
        let dense = """
            { model_type: gpt2, n_layer: 1024, n_embd: 65536, n_head: 4096, n_inner: 262144,
              n_positions: 1048576, vocab_size: 4194304 }
            """
        #expect(try readModelConfig(text: dense, file: "a.json").model.parameterCount < 1 << 58)
    }

    @Test("DeepSeek-V3 is counted ten thousand times in less than a second")
    func isFast() throws {
        let example = try #require(ExamplePlan.all.first { $0.file == "deepseek-v3.yaml" })
        let model = try example.read().deployment.model
        var sum = 0
        // Without optimisation and beside other tests; walking over the weights takes hours.
        let duration = ContinuousClock().measure {
            for _ in 0..<10_000 { sum &+= model.parameterCount }
        }
        #expect(sum == 10_000 * example.total)
        #expect(duration < .seconds(10))
    }
}
