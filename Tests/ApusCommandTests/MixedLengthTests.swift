import ApusTestSupport
import Foundation
import Testing

@Suite(
    "Training with several sequence lengths", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: TrainingRun.hasEngine))
struct MixedLengthTests {
    private static let deployment = """
        apus: 1
        model:
          model_type: mixtral
          num_hidden_layers: 2
          hidden_size: 32
          num_attention_heads: 4
          num_key_value_heads: 2
          head_dim: 8
          num_local_experts: 4
          num_experts_per_tok: 2
          intermediate_size: 32
          vocab_size: 320
          tie_word_embeddings: true
        workload:
          sequences_per_batch: 8
          sequence_lengths: [8, 32, 64]
          length_weights: [2, 1, 1]
          precision: fp32
        plan:
          pipeline_parallel: 2
          data_parallel: 2
          expert_parallel: 2
          by_sequence_length:
            - up_to: 16
              micro_batches: 2
              sequences_per_data_rank: 4
              tensor_parallel: 1
              recompute: none
            - up_to: 32
              micro_batches: 2
              sequences_per_data_rank: 4
              tensor_parallel: 1
              recompute: full
            - up_to: 64
              micro_batches: 2
              sequences_per_data_rank: 4
              tensor_parallel: 2
              recompute: full

        """

    private func start(_ run: TrainingRun, _ arguments: String...) throws -> ApusProcess.Outcome {
        let file = try run.folder.write(Self.deployment, to: "mixed.yaml")
        return try ApusProcess(
            ["train", file, "--data", run.text] + arguments, folder: run.folder
        ).end(within: 90)
    }

    @Test("programs take turns over one set of weights, and the loss falls")
    func takesTurns() throws {
        let run = try TrainingRun()
        let outcome = try start(run, "--steps", "16", "--log", run.path("mixed.jsonl"))
        #expect(outcome.status == 0, "\(outcome.errors)")
        let log = try run.log("mixed.jsonl")
        let lengths = log.compactMap { $0["sequence_length"] as? Int }
        #expect(lengths.prefix(4) == [8, 32, 64, 8])
        #expect(lengths.filter { $0 == 8 }.count == 8)
        for line in log {
            let length = try #require(line["sequence_length"] as? Int)
            #expect(line["tokens"] as? Int == 8 * length)
        }
        let losses = log.compactMap { $0["loss"] as? Double }
        #expect(losses.count == 16)
        let (first, last) = (losses.prefix(4).reduce(0, +), losses.suffix(4).reduce(0, +))
        #expect(last < 0.95 * first)
    }

    @Test("what follows one program is refused")
    func refusesTrace() throws {
        let run = try TrainingRun()
        let outcome = try start(run, "--trace", run.path("trace.txt"))
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("`--trace` follows the steps of one program"))
        #expect(outcome.errors.contains("`--sequence-length 8`"))
    }
}
