import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("A Hugging Face config.json")
struct ModelConfigTests {
    /// The keys of Mixtral 8x7B's file, as transformers 4.36 wrote it.
    static let mixtral = """
        {
          "architectures": ["MixtralForCausalLM"],
          "attention_dropout": 0.0,
          "bos_token_id": 1,
          "eos_token_id": 2,
          "hidden_act": "silu",
          "hidden_size": 4096,
          "initializer_range": 0.02,
          "intermediate_size": 14336,
          "max_position_embeddings": 32768,
          "model_type": "mixtral",
          "num_attention_heads": 32,
          "num_experts_per_tok": 2,
          "num_hidden_layers": 32,
          "num_key_value_heads": 8,
          "num_local_experts": 8,
          "output_router_logits": false,
          "rms_norm_eps": 1e-05,
          "rope_theta": 1000000.0,
          "router_aux_loss_coef": 0.02,
          "sliding_window": null,
          "tie_word_embeddings": false,
          "torch_dtype": "bfloat16",
          "transformers_version": "4.36.0.dev0",
          "use_cache": true,
          "vocab_size": 32000
        }
        """
    static let mixtralModel = Model(
        layerCount: 32, hiddenSize: 4096, headCount: 32, keyValueHeadCount: 8, headDim: 128,
        expertCount: 8, topK: 2, expertHiddenSize: 14336, vocabularySize: 32000,
        tiesEmbeddings: false, rmsNormEpsilon: 1e-5, ropeTheta: 1e6)

    private func messages(replacing old: String, with new: String) -> [String] {
        do {
            let text = Self.mixtral.replacing(old, with: new)
            return try readModelConfig(text: text, file: "config.json").notes.map(\.description)
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    @Test("Mixtral's own file is read without a word")
    func readsMixtral() throws {
        let file = try readModelConfig(text: Self.mixtral, file: "config.json")
        #expect(file == ModelFile(model: Self.mixtralModel, notes: []))
    }

    @Test("the rotary section of newer files is read")
    func readsRotarySection() throws {
        let text = Self.mixtral.replacing(
            "\"rope_theta\": 1000000.0",
            with: "\"rope_parameters\": { \"rope_theta\": 5e5, \"rope_type\": \"default\" }")
        #expect(try readModelConfig(text: text, file: "config.json").model.ropeTheta == 5e5)
    }

    @Test("a deployment takes its model from the file it names, beside it")
    func readsForDeployment() throws {
        let rest = try #require(SmallFile.text.split(separator: "cluster:").last)
        let text = "model: { config: mixtral/config.json }\n" + "cluster:\(rest)"
        let others = ["plans/mixtral/config.json": Self.mixtral]
        #expect(try SmallFile.read(text, others: others).deployment.model == Self.mixtralModel)
    }

    @Test("problems of the model are placed in the config.json that holds it")
    func placesProblems() throws {
        let rest = try #require(SmallFile.text.split(separator: "cluster:").last)
        let text = "model: { config: config.json }\nzoo: 1\n" + "cluster:\(rest)"
        let config = Self.mixtral.replacing(
            "\"num_experts_per_tok\": 2", with: "\"num_experts_per_tok\": 9"
        )
        .replacing("\"hidden_size\": 4096", with: "\"hidden_size\": 4096.5")
        do {
            _ = try SmallFile.read(text, others: ["plans/config.json": config])
            Issue.record("the deployment was read")
        } catch {
            #expect(
                error.diagnostics.map(\.description) == [
                    """
                    plans/small.yaml:2:1: error: unknown key `zoo`  [unknown-key]
                      expected: apus, claims, cluster, model, plan, routing, run, workload
                    """,
                    """
                    plans/config.json:7:3: error: `hidden_size` is `4096.5`  [wrong-type]
                      expected: an integer from 1 to 65536
                    """,
                    """
                    plans/config.json:13:3: error: `model.num_experts_per_tok` is 9, more than \
                    `model.num_local_experts` (8)  [top-k]
                      expected: at most 8
                    """,
                ])
        }
    }

    @Test("a config.json that cannot be opened is said once")
    func saysMissingFile() {
        #expect(
            SmallFile.messages(
                of:
                    "model: { config: a.json }\n"
                    + "workload: { sequences_per_batch: 1, sequence_lengths: [1] }"
            )
                == ["plans/a.json: error: no file  [system]"])
    }

    @Test("a model of a type that Apus does not know is refused, with those that it knows")
    func refusesOtherTypes() {
        let expected = """
            mixtral, qwen2_moe, qwen3_moe, olmoe, deepseek_v2, deepseek_v3, gpt_oss, llama or gpt2
            """
        #expect(
            messages(replacing: "\"mixtral\"", with: "\"mamba2\"") == [
                """
                config.json:11:3: error: `model_type` is `mamba2`, which Apus does not know  \
                [unsupported-model]
                  expected: \(expected)
                """
            ])
        #expect(
            SmallFile.messages(
                replacing: "model:\n", with: "model:\n  model_type: qwen3moe\n  zoo: 1\n") == [
                    """
                    plans/small.yaml:2:3: error: `model.model_type` is `qwen3moe`, which Apus does \
                    not know  [unsupported-model]
                      expected: \(expected)
                      hint: did you mean `qwen3_moe`?
                    """
                ])
    }

    @Test("a key that means parts which are not counted is refused")
    func refusesOtherParts() {
        #expect(
            messages(replacing: "\"use_cache\": true", with: "\"add_cross_attention\": true") == [
                """
                config.json:25:3: error: `add_cross_attention` is `true`, which Apus does not \
                support yet  [unsupported-model]
                  expected: `false`
                """
            ])
        #expect(
            messages(replacing: "\"use_cache\": true", with: "\"is_encoder_decoder\": false") == [])
    }

    @Test("a family's own keys are named where they are missing or wrong")
    func namesKeysOfFamily() {
        let text = """
            model: { model_type: deepseek_v3, num_hidden_layers: 4, hidden_size: 64,
              num_attention_heads: 4, n_routed_experts: 4, num_experts_per_tok: 8, n_group: 3,
              topk_group: 4, moe_intermediate_size: 32, kv_lora_rank: 8, qk_nope_head_dim: 8,
              qk_rope_head_dim: 3, v_head_dim: 8, vocab_size: 512, q_lora_rank: null,
              first_k_dense_replace: 1 }
            workload: { sequences_per_batch: 8, sequence_lengths: [16] }
            """
        let messages = SmallFile.messages(of: text).map { $0.split(separator: "\n")[0] }
        #expect(
            messages.joined(separator: "\n") == """
                plans/small.yaml:1:1: error: `model.intermediate_size` is missing  [missing-key]
                plans/small.yaml:2:48: error: `model.num_experts_per_tok` is 8, more than \
                `model.n_routed_experts` (4)  [top-k]
                plans/small.yaml:2:72: error: `model.n_group` is 3, which does not divide \
                `model.n_routed_experts` (4)  [top-k]
                plans/small.yaml:3:3: error: `model.topk_group` is 4, more than `model.n_group` \
                (3)  [top-k]
                plans/small.yaml:4:3: error: `model.qk_rope_head_dim` is 3; rotary attention \
                turns pairs of numbers  [attention-heads]
                """)
    }

    @Test("an unknown key is a warning in a config.json and an error in a deployment")
    func warnsOfUnknownKeys() {
        #expect(
            messages(replacing: "\"use_cache\"", with: "\"use_magic\"") == [
                """
                config.json:25:3: warning: the key `use_magic` is not known and changes nothing  \
                [unknown-key]
                """
            ])
        #expect(
            SmallFile.messages(
                replacing: "vocab_size: 512", with: "vocab_size: 512\n  use_cache: true")
                == [
                    """
                    plans/small.yaml:11:3: error: unknown key `model.use_cache`  [unknown-key]
                      expected: config, head_dim, hidden_size, intermediate_size, model_type, \
                    num_attention_heads, num_experts_per_tok, num_hidden_layers, \
                    num_key_value_heads, num_local_experts, rms_norm_eps, rope_theta, \
                    sliding_window, tie_word_embeddings, vocab_size
                    """
                ])
    }

    @Test("missing heads of keys and values are as many as the heads; null means missing")
    func fillsDefaults() throws {
        let text = Self.mixtral.replacing("\"num_key_value_heads\": 8", with: "\"head_dim\": null")
        let model = try readModelConfig(text: text, file: "config.json").model
        #expect(model.keyValueHeadCount == 32)
        #expect(model.headDim == 128)
    }
}
