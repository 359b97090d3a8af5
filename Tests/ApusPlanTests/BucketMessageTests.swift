import ApusBase
import ApusPlan
import Testing

@Suite("Messages about sequence lengths and micro-batches")
struct BucketMessageTests {
    /// The small file with these buckets.
    private func messages(buckets: String) -> [String] {
        SmallFile.messages(
            replacing: "  micro_batches: 2\n  sequences_per_data_rank: 4",
            with: "  by_sequence_length:\n\(buckets)")
    }

    @Test("sequence lengths and buckets must fit each other")
    func matchesLengths() {
        #expect(
            messages(buckets: "  - { up_to: 8, micro_batches: 1, sequences_per_data_rank: 4 }") == [
                """
                plans/small.yaml:22:3: error: `plan.by_sequence_length` ends at 8, \
                `workload.sequence_lengths` goes up to 16  [sequence-length]
                  hint: add an entry with `up_to: 16`
                """
            ])
        let unsorted = """
              - { up_to: 64, micro_batches: 1, sequences_per_data_rank: 4 }
              - { up_to: 64, micro_batches: 2, sequences_per_data_rank: 4 }
            """
        #expect(
            messages(buckets: unsorted) == [
                """
                plans/small.yaml:24:7: error: `plan.by_sequence_length[1].up_to` is 64, not above \
                the entry before it (64)  [sequence-length]
                  expected: entries in ascending order of `up_to`
                """
            ])
        #expect(
            SmallFile.messages(replacing: "[16]", with: "[16, 16]") == [
                """
                plans/small.yaml:17:26: error: `workload.sequence_lengths` names 16 twice  \
                [sequence-length]
                  hint: name each length once, and its share in `length_weights`
                """
            ])
        #expect(
            SmallFile.messages(replacing: "[16]", with: "[16]\n  length_weights: [1, 2]") == [
                """
                plans/small.yaml:18:3: error: `workload.length_weights` has 2 entries, \
                `workload.sequence_lengths` has 1  [sequence-length]
                  expected: one weight for each length
                """
            ])
    }

    @Test("micro-batches must divide a data rank's sequences, and are at most as many")
    func dividesSequences() {
        #expect(
            SmallFile.messages(replacing: "micro_batches: 2", with: "micro_batches: 3") == [
                """
                plans/small.yaml:22:3: error: `plan.micro_batches` is 3, which does not divide \
                `plan.sequences_per_data_rank` (4)  [micro-batches]
                  expected: 1, 2 or 4
                """
            ])
        #expect(
            SmallFile.messages(replacing: "micro_batches: 2", with: "micro_batches: 8") == [
                """
                plans/small.yaml:22:3: warning: `plan.micro_batches` is 8, but a data rank has \
                4 sequences: 4 micro-batches will run  [micro-batches]
                """
            ])
    }

    @Test("a bucket's tensor degree is carved out of the data axis and never below the plan's")
    func carvesTensorDegree() {
        let above = """
              - { up_to: 64, micro_batches: 1, sequences_per_data_rank: 4, tensor_parallel: 4 }
            """
        #expect(
            messages(buckets: above) == [
                """
                plans/small.yaml:23:64: error: `plan.by_sequence_length[0].tensor_parallel` is 4, \
                which cannot be carved out of tensor 1 × data 2 for 4 heads  [tensor-degree]
                  expected: 1 or 2
                """
            ])
        let below = SmallFile.text
            .replacing("  data_parallel: 2", with: "  data_parallel: 1\n  tensor_parallel: 2")
            .replacing(
                "  micro_batches: 2\n  sequences_per_data_rank: 4",
                with: """
                      by_sequence_length:
                      - tensor_parallel: 1
                        micro_batches: 1
                        sequences_per_data_rank: 4
                    """)
        #expect(
            SmallFile.messages(of: below) == [
                """
                plans/small.yaml:24:5: error: `plan.by_sequence_length[0].tensor_parallel` is 1, \
                less than `plan.tensor_parallel` (2)  [tensor-degree]
                  expected: 2
                  hint: the plan's weights stay sharded; a bucket can only add to it
                """
            ])
        let heads = SmallFile.text.replacing(
            "num_attention_heads: 4", with: "num_attention_heads: 6"
        )
        .replacing("  data_parallel: 2", with: "  data_parallel: 1\n  tensor_parallel: 4")
        .replacing("nodes: 2", with: "nodes: 4")
        #expect(
            SmallFile.messages(of: heads) == [
                """
                plans/small.yaml:21:3: error: `plan.tensor_parallel` is 4, which does not divide \
                `model.num_attention_heads` (6)  [tensor-degree]
                  expected: 1, 2, 3 or 6
                """
            ])
    }
}
