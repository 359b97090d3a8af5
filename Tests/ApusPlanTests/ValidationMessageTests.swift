import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Messages about what a deployment says together")
struct ValidationMessageTests {
    @Test("ranks, stages and chunks that do not fit are explained", arguments: meshMistakes)
    func explainsMesh(mistake: Mistake) {
        #expect(SmallFile.messages(replacing: mistake.old, with: mistake.new) == [mistake.message])
    }

    static let meshMistakes = [
        Mistake(
            "  data_parallel: 2", "  data_parallel: 6",
            """
            plans/small.yaml:18:1: error: `plan` needs 12 ranks, `cluster` has 4  [world-size]
              pipeline 2 × data 6 = 12; nodes 2 × gpus 2 = 4   (expert 2 lies within data)
              hint: `data_parallel: 2` uses all 4 ranks
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 60000",
            """
            plans/small.yaml:18:1: error: `plan` needs 120 000 ranks, more than Apus handles  \
            [world-size]
              pipeline 2 × data 60000
              expected: at most 65 536 ranks
            """),
        Mistake(
            "nodes: 2", "nodes: 65536",
            """
            plans/small.yaml:11:1: error: `cluster` has 131 072 GPUs, more than Apus handles  \
            [world-size]
              nodes 65536 × gpus 2 = 131072
              expected: at most 65 536 GPUs
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 2\n  layers_per_stage: [1, 2]",
            """
            plans/small.yaml:21:3: error: `plan.layers_per_stage` adds up to 3, \
            `model.num_hidden_layers` is 4  [pipeline-degree]
              1 + 2 = 3
              hint: without `layers_per_stage` the layers are split as evenly as possible
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 2\n  layers_per_stage: [4]",
            """
            plans/small.yaml:21:3: error: `plan.layers_per_stage` has 1 entry, the plan has \
            2 stages  [pipeline-degree]
              expected: one number for each stage
              hint: without `layers_per_stage` the layers are split as evenly as possible
            """),
        Mistake(
            "num_hidden_layers: 4", "num_hidden_layers: 1",
            """
            plans/small.yaml:19:3: error: `plan.pipeline_parallel` is 2, more than \
            `model.num_hidden_layers` (1)  [pipeline-degree]
              expected: at most 1
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 2\n  schedule: interleaved_1f1b",
            """
            plans/small.yaml:21:3: error: `plan.schedule` is `interleaved_1f1b` and \
            `plan.chunks_per_rank` is 1  [pipeline-degree]
              expected: `chunks_per_rank` of 2 or more
              hint: `schedule: 1f1b` has one chunk
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 2\n  chunks_per_rank: 2",
            """
            plans/small.yaml:21:3: error: `plan.chunks_per_rank` changes nothing: `plan.schedule` \
            is `1f1b`  [no-effect]
              hint: `schedule: interleaved_1f1b` runs several chunks on each rank
            """),
        Mistake(
            "expert_parallel: 2", "expert_parallel: 3",
            """
            plans/small.yaml:21:3: error: `plan.expert_parallel` is 3, which does not divide \
            `model.num_local_experts` (4)  [expert-degree]
              expected: 1, 2 or 4
              hint: `expert_parallel: 4` is the next one up; it puts 1 expert on each rank
            """),
        Mistake(
            "expert_parallel: 2", "expert_parallel: 4",
            """
            plans/small.yaml:21:3: error: `plan.expert_parallel` is 4, which does not divide the \
            2 ranks of a stage  [expert-degree]
              data 2 = 2
              expected: `expert_parallel` 1 or 2
              hint: experts lie on the ranks of a stage, data × context × tensor
            """),
    ]

    @Test("the wording for 64 experts on degree 6 is that of the style guide")
    func matchesStyleGuide() {
        let text = SmallFile.text
            .replacing("num_local_experts: 4", with: "num_local_experts: 64")
            .replacing("expert_parallel: 2", with: "expert_parallel: 6")
        #expect(
            SmallFile.messages(of: text) == [
                """
                plans/small.yaml:21:3: error: `plan.expert_parallel` is 6, which does not divide \
                `model.num_local_experts` (64)  [expert-degree]
                  expected: 1, 2, 4, 8, 16, 32 or 64
                  hint: `expert_parallel: 8` is the next one up; it puts 8 experts on each rank
                """
            ])
    }

    @Test("a world size names every factor that is not one")
    func namesFactors() {
        let text = SmallFile.text
            .replacing("nodes: 2\n  gpus_per_node: 2", with: "nodes: 8\n  gpus_per_node: 8")
            .replacing("pipeline_parallel: 2", with: "pipeline_parallel: 4")
            .replacing(
                "  data_parallel: 2\n  expert_parallel: 2",
                with: "  data_parallel: 12\n  tensor_parallel: 2\n  expert_parallel: 4")
        #expect(
            SmallFile.messages(of: text) == [
                """
                plans/small.yaml:18:1: error: `plan` needs 96 ranks, `cluster` has 64  [world-size]
                  pipeline 4 × data 12 × tensor 2 = 96; nodes 8 × gpus 8 = 64   \
                (expert 4 lies within data × tensor)
                  hint: `data_parallel: 8` uses all 64 ranks
                """
            ])
    }

    @Test("heads, experts and links that do not fit are explained", arguments: modelMistakes)
    func explainsModel(mistake: Mistake) {
        #expect(SmallFile.messages(replacing: mistake.old, with: mistake.new) == [mistake.message])
    }

    static let modelMistakes = [
        Mistake(
            "key_value_heads: 2", "key_value_heads: 3",
            """
            plans/small.yaml:5:3: error: `model.num_key_value_heads` is 3, which does not divide \
            `model.num_attention_heads` (4)  [attention-heads]
              expected: 1, 2 or 4
            """),
        Mistake(
            "head_dim: 16", "head_dim: 15",
            """
            plans/small.yaml:6:3: error: `model.head_dim` is 15; rotary attention turns pairs of \
            numbers  [attention-heads]
              expected: an even number
            """),
        Mistake(
            "num_experts_per_tok: 2", "num_experts_per_tok: 5",
            """
            plans/small.yaml:8:3: error: `model.num_experts_per_tok` is 5, more than \
            `model.num_local_experts` (4)  [top-k]
              expected: at most 4
            """),
        Mistake(
            "plan:", "routing: { gate: switch }\nplan:",
            """
            plans/small.yaml:18:12: error: `routing.gate` `switch` sends a token to 1 expert, \
            `model.num_experts_per_tok` is 2  [top-k]
              expected: `num_experts_per_tok: 1`, or another gate
            """),
        Mistake(
            "plan:", "routing: { capacity_factor: 1.5 }\nplan:",
            """
            plans/small.yaml:18:12: error: `routing.capacity_factor` changes nothing: \
            `routing.capacity` is `dropless`  [no-effect]
              hint: `capacity: per_assignment` or `capacity: per_token` limits the capacity
            """),
        Mistake(
            "plan:", "routing: { overflow: drop }\nplan:",
            """
            plans/small.yaml:18:12: error: `routing.overflow` changes nothing: `routing.capacity` \
            is `dropless`  [no-effect]
              hint: `capacity: per_assignment` or `capacity: per_token` limits the capacity
            """),
        Mistake(
            "gpu: h100-sxm",
            """
            gpu: h100-sxm
              links: [{ level: node, gpus: 2, bandwidth_gb_per_s: 1, latency_us: 1 }]
            """,
            """
            plans/small.yaml:15:3: error: `cluster.links` joins 2 GPUs, `cluster` has 4  \
            [cluster-links]
              hint: add the link of the outermost level, with `gpus: 4`
            """),
    ]

    @Test("a head size is asked for where the heads do not divide the hidden size")
    func asksForHeadDim() {
        let text = SmallFile.text.replacing("  head_dim: 16\n", with: "")
            .replacing("hidden_size: 64", with: "hidden_size: 66")
        #expect(
            SmallFile.messages(of: text) == [
                """
                plans/small.yaml:4:3: error: `model.num_attention_heads` (4) does not divide \
                `model.hidden_size` (66), and there is no `head_dim`  [attention-heads]
                  hint: say `head_dim`; heads × head_dim need not be the hidden size
                """
            ])
    }

    @Test("ranks that together keep more than Apus counts are refused")
    func refusesUncountableStates() {
        let text = SmallFile.text
            .replacing("hidden_size: 64", with: "hidden_size: 65536")
            .replacing("num_hidden_layers: 4", with: "num_hidden_layers: 1024")
            .replacing("intermediate_size: 96", with: "intermediate_size: 262144")
            .replacing("nodes: 2", with: "nodes: 65536")
            .replacing("gpus_per_node: 2", with: "gpus_per_node: 1")
            .replacing("data_parallel: 2", with: "data_parallel: 32768")
        #expect(
            SmallFile.messages(of: text) == [
                """
                plans/small.yaml:18:1: error: the ranks of `plan` together keep more bytes than \
                Apus can count  [count-limit]
                  3e4 ranks of a stage × 1e14 weights on one rank of each stage × 16 bytes
                  expected: at most 4e18 bytes
                """
            ])
    }

    @Test("numbers that multiply beyond what Apus counts are refused")
    func refusesUncountable() {
        let text = SmallFile.text
            .replacing("hidden_size: 64", with: "hidden_size: 65536")
            .replacing("num_hidden_layers: 4", with: "num_hidden_layers: 1024")
            .replacing("sequences_per_batch: 8", with: "sequences_per_batch: 1048576")
            .replacing("[16]", with: "[1048576]")
        #expect(
            SmallFile.messages(of: text) == [
                """
                plans/small.yaml:15:1: error: a step of 1e12 tokens through this model has more \
                bytes than Apus can count  [count-limit]
                  1 048 576 sequences of 1 048 576 tokens
                  expected: at most 5e7 tokens in a step
                """
            ])
    }
}
