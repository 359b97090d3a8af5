import ApusBase
import ApusPlan
import ApusTestSupport

/// A small deployment file without problems, for tests that change one thing in it.
enum SmallFile {
    static let text = """
        model:
          num_hidden_layers: 4
          hidden_size: 64
          num_attention_heads: 4
          num_key_value_heads: 2
          head_dim: 16
          num_local_experts: 4
          num_experts_per_tok: 2
          intermediate_size: 96
          vocab_size: 512
        cluster:
          nodes: 2
          gpus_per_node: 2
          gpu: h100-sxm
        workload:
          sequences_per_batch: 8
          sequence_lengths: [16]
        plan:
          pipeline_parallel: 2
          data_parallel: 2
          expert_parallel: 2
          micro_batches: 2
          sequences_per_data_rank: 4

        """

    /// What is said about the file after a replacement: errors, or notes where there are none.
    static func messages(replacing old: String, with new: String) -> [String] {
        precondition(text.contains(old))
        return messages(of: text.replacing(old, with: new))
    }

    static func messages(of text: String) -> [String] {
        do {
            return try read(text).notes.map(\.description)
        } catch {
            return error.diagnostics.map(\.description)
        }
    }

    /// Reads a text as `plans/small.yaml`, which lies beside the files of `others`.
    static func read(
        _ text: String, others: [String: String] = [:]
    ) throws(Problems) -> DeploymentFile {
        try readDeployment(text: text, file: "plans/small.yaml") { path throws(Problems) in
            guard let other = others[path] else {
                throw Problems([
                    Diagnostic(.system, location: .init(file: path), problem: "no file")
                ])
            }
            return Array(other.utf8)
        }
    }
}
