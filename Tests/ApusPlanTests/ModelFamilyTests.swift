import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("The families of models")
struct ModelFamilyTests {
    /// Keys of the models' own files, with the counts of Hugging Face transformers 4.57 and 5.24.
    static let published: [(keys: String, total: Int, active: Int)] = [
        (
            """
            model_type: deepseek_v2, num_hidden_layers: 60, hidden_size: 5120,
            num_attention_heads: 128, num_key_value_heads: 128, vocab_size: 102400,
            n_routed_experts: 160, num_experts_per_tok: 6, moe_intermediate_size: 1536,
            intermediate_size: 12288, n_shared_experts: 2, first_k_dense_replace: 1,
            moe_layer_freq: 1, q_lora_rank: 1536, kv_lora_rank: 512, qk_nope_head_dim: 128,
            qk_rope_head_dim: 64, v_head_dim: 128, n_group: 8, topk_group: 3,
            topk_method: group_limited_greedy, scoring_func: softmax, routed_scaling_factor: 16.0
            """, 235_741_434_880, 21_375_800_320
        ),
        // DeepSeek-V2-Lite, whose queries are not compressed.
        (
            """
            model_type: deepseek_v2, num_hidden_layers: 27, hidden_size: 2048,
            num_attention_heads: 16, num_key_value_heads: 16, vocab_size: 102400,
            n_routed_experts: 64, num_experts_per_tok: 6, moe_intermediate_size: 1408,
            intermediate_size: 10944, n_shared_experts: 2, first_k_dense_replace: 1,
            moe_layer_freq: 1, q_lora_rank: null, kv_lora_rank: 512, qk_nope_head_dim: 128,
            qk_rope_head_dim: 64, v_head_dim: 128, n_group: 1, topk_group: 1, topk_method: greedy
            """, 15_706_484_224, 2_661_150_208
        ),
        // Qwen1.5-MoE-A2.7B.
        (
            """
            model_type: qwen2_moe, num_hidden_layers: 24, hidden_size: 2048,
            num_attention_heads: 16, num_key_value_heads: 16, vocab_size: 151936, num_experts: 60,
            num_experts_per_tok: 4, moe_intermediate_size: 1408, intermediate_size: 5632,
            shared_expert_intermediate_size: 5632, decoder_sparse_step: 1, mlp_only_layers: []
            """, 14_315_784_192, 2_689_173_504
        ),
        // Qwen2-57B-A14B.
        (
            """
            model_type: qwen2_moe, num_hidden_layers: 28, hidden_size: 3584,
            num_attention_heads: 28, num_key_value_heads: 4, vocab_size: 151936, num_experts: 64,
            num_experts_per_tok: 8, moe_intermediate_size: 2560, intermediate_size: 18944,
            shared_expert_intermediate_size: 20480, use_sliding_window: false
            """, 57_408_658_944, 14_249_270_784
        ),
        // GPT-OSS-20B.
        (
            """
            model_type: gpt_oss, num_hidden_layers: 24, hidden_size: 2880,
            num_attention_heads: 64, num_key_value_heads: 8, head_dim: 64, vocab_size: 201088,
            num_local_experts: 32, num_experts_per_tok: 4, intermediate_size: 2880
            """, 20_914_757_184, 4_187_440_704
        ),
        // GPT-2 XL.
        (
            "model_type: gpt2, n_layer: 48, n_embd: 1600, n_head: 25, n_positions: 1024, "
                + "vocab_size: 50257", 1_557_611_200, 1_557_611_200
        ),
        // Llama 3.1 405B.
        (
            """
            model_type: llama, num_hidden_layers: 126, hidden_size: 16384,
            num_attention_heads: 128, num_key_value_heads: 8, intermediate_size: 53248,
            vocab_size: 128256, rope_scaling: { factor: 8.0, rope_type: llama3 }
            """, 405_853_388_800, 405_853_388_800
        ),
    ]

    @Test("published models have their counts", arguments: published.indices)
    func countsPublished(index: Int) throws {
        let (keys, total, active) = Self.published[index]
        let file = try readModelConfig(text: "{ \(keys) }", file: "config.json")
        #expect(file.notes == [])
        #expect(file.model.parameterCount == total)
        #expect(file.model.activeParameterCount == active)
    }

    /// The blocks of the file that `scripts/list-checkpoint-weights` made, one for each family.
    private static let checkpoints =
        (try? Repository.text("Tests/Golden/checkpoint-weights.txt"))
        .map { $0.split(separator: "\n\n").map(String.init) } ?? []

    @Test("each family has a block of weights as transformers names them")
    func hasCheckpoints() {
        #expect(Self.checkpoints.count == Model.Family.allCases.count)
    }

    @Test(
        "the weights have the names and shapes of the families' checkpoints",
        arguments: checkpoints)
    func namesWeights(block: String) throws {
        let lines = block.split(separator: "\n").map(String.init)
        let keys = lines.filter { $0.contains(": ") }.joined(separator: "\n")
        let model = try readModelConfig(text: keys, file: "config.json").model
        var shapes: [String: [Int]] = [:]
        for piece in model.parameters.flatMap(\.pieces) {
            // Slices of a stacked weight count its first axis.
            let first = piece.slice.map { _ in (shapes[piece.name]?.first ?? 0) + 1 }
            #expect(piece.slice.map { $0 + 1 } == first)
            shapes[piece.name] = (first.map { [$0] } ?? []) + piece.shape
        }
        let names = shapes.map { "\($0.key) \($0.value)" }.sorted()
        #expect(names == lines.filter { !$0.contains(": ") })
    }

    @Test("a newer file's names for the same keys are understood")
    func readsAliases() throws {
        let text = Self.published[2].keys
        let other = text.replacing(" num_experts:", with: " num_local_experts:")
        #expect(other != text)
        #expect(
            try readModelConfig(text: "{ \(other) }", file: "a.json")
                == readModelConfig(text: "{ \(text) }", file: "a.json"))
        let gpt =
            "{ model_type: gpt2, num_hidden_layers: 2, hidden_size: 64, "
            + "num_attention_heads: 4, max_position_embeddings: 16, vocab_size: 100 }"
        #expect(try readModelConfig(text: gpt, file: "a.json").model.learnedPositions == 16)
    }

    @Test("layers without experts are those that the family's keys name")
    func readsDenseLayers() throws {
        let qwen = Self.published[2].keys
            .replacing("mlp_only_layers: []", with: "mlp_only_layers: [3]")
            .replacing("decoder_sparse_step: 1", with: "decoder_sparse_step: 2")
            .replacing("num_hidden_layers: 24", with: "num_hidden_layers: 6")
        let model = try readModelConfig(text: "{ \(qwen) }", file: "a.json").model
        #expect(model.denseLayers == [0, 2, 3, 4])
        #expect(model.denseHiddenSize == 5632)
        let deepSeek = Self.published[1].keys
            .replacing("first_k_dense_replace: 1", with: "first_k_dense_replace: 3")
            .replacing("moe_layer_freq: 1", with: "moe_layer_freq: 2")
            .replacing("num_hidden_layers: 27", with: "num_hidden_layers: 7")
        let other = try readModelConfig(text: "{ \(deepSeek) }", file: "a.json").model
        #expect(other.denseLayers == [0, 1, 2, 3, 5])
        #expect(other.expertLayerCount == 2)
    }

    @Test("a list of layers' types has one for each layer, and only types that are known")
    func checksLayerTypes() throws {
        let keys = Self.published[4].keys.replacing(
            "num_hidden_layers: 24", with: "num_hidden_layers: 3")
        func problems(_ types: String) throws -> [String] {
            let text = "{ \(keys), layer_types: \(types) }"
            let problems = try #require(throws: Problems.self) {
                try readModelConfig(text: text, file: "a.json")
            }
            return problems.diagnostics.map { problem in
                var problem = problem
                problem.location = nil
                return problem.description
            }
        }
        #expect(
            try problems("[full_attention, sliding_attention]") == [
                """
                error: `layer_types` has 2 entries, `num_hidden_layers` is 3  \
                [out-of-range]
                  expected: one type for each layer
                """
            ])
        let unknown = try problems("[full_attention, conv, full_attention]")
        #expect(
            unknown == [
                """
                error: `layer_types[1]` is `conv`  [unknown-value]
                  expected: full_attention or sliding_attention
                """
            ])
    }

    @Test("a token finds as many experts as it needs in its groups")
    func checksGroups() throws {
        let keys = Self.published[0].keys.replacing("topk_group: 3", with: "topk_group: 1")
            .replacing("n_group: 8", with: "n_group: 32")
        let problems = try #require(throws: Problems.self) {
            try readModelConfig(text: "{ \(keys) }", file: "a.json")
        }
        #expect(
            problems.diagnostics.map(\.description) == [
                """
                a.json:3:24: error: `num_experts_per_tok` is 6, but `topk_group` leaves a token \
                5 experts to choose from  [top-k]
                  1 of 32 groups of 5
                  expected: at most 5
                """
            ])
    }

    @Test("degrees of experts are checked against the family's key, and are 1 in a dense model")
    func checksExpertDegrees() {
        let dense = """
            model: { \(Self.published[5].keys) }
            workload: { sequences_per_batch: 8, sequence_lengths: [16] }
            plan: { data_parallel: 4, expert_parallel: 2, expert_tensor_parallel: 2,
              micro_batches: 1, sequences_per_data_rank: 2 }
            """
        #expect(
            SmallFile.messages(of: dense) == [
                """
                plans/small.yaml:3:27: error: `plan.expert_parallel` is 2, but a `gpt2` model has \
                no experts  [expert-degree]
                  expected: 1
                """,
                """
                plans/small.yaml:3:47: error: `plan.expert_tensor_parallel` is 2, but a `gpt2` \
                model has no experts  [expert-degree]
                  expected: 1
                """,
            ])
        let sparse = """
            model:
              { \(Self.published[1].keys.replacing("\n", with: " ")) }
            workload: { sequences_per_batch: 8, sequence_lengths: [16] }
            plan: { data_parallel: 3, expert_parallel: 3, micro_batches: 1,
              sequences_per_data_rank: 2 }
            """
        #expect(
            SmallFile.messages(of: sparse).map { $0.split(separator: "\n")[0] } == [
                "plans/small.yaml:4:27: error: `plan.expert_parallel` is 3, which does not divide "
                    + "`model.n_routed_experts` (64)  [expert-degree]"
            ])
    }

    @Test("layers look back through a window where the file says so")
    func readsWindows() throws {
        let oss = "{ \(Self.published[4].keys), sliding_window: 128 }"
        let model = try readModelConfig(text: oss, file: "a.json").model
        #expect(model.windowedLayers == Array(stride(from: 0, to: 24, by: 2)))
        #expect((0..<2).map { model.window(ofLayer: $0) } == [128, nil])
        // A window without its switch is none.
        let qwen = "{ \(Self.published[3].keys), sliding_window: 64, max_window_layers: 20 }"
        #expect(try readModelConfig(text: qwen, file: "a.json").model.slidingWindow == nil)
        let switched = qwen.replacing("use_sliding_window: false", with: "use_sliding_window: true")
        let windowed = try readModelConfig(text: switched, file: "a.json").model
        #expect(windowed.windowedLayers == Array(20..<28))
    }
}
