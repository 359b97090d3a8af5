import ApusAudit
import ApusBase
import ApusPlan
import ApusTestSupport

/// A small deployment file in which an audit finds nothing, for tests that change one thing in it.
enum AuditFile {
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
          tie_word_embeddings: false
        cluster:
          nodes: 2
          gpus_per_node: 2
          gpu: h100-sxm
        workload:
          sequences_per_batch: 8
          sequence_lengths: [16]
        plan:
          data_parallel: 4
          expert_parallel: 2
          micro_batches: 2
          sequences_per_data_rank: 2

        """

    /// The file with lines replaced and claims added, each given as the contents of its braces.
    static func text(
        replacing changes: [(String, String)] = [], claims: [String] = []
    ) -> String {
        var text = Self.text
        for (old, new) in changes {
            precondition(text.contains(old), "`\(old)` stands in the file")
            text = text.replacing(old, with: new)
        }
        guard !claims.isEmpty else { return text }
        return text + "claims:\n" + claims.map { "  - { \($0) }\n" }.joined()
    }

    static func read(_ text: String) throws(Problems) -> DeploymentFile {
        try readDeployment(
            text: text, file: "plans/small.yaml", leavesOutUnsoundPlan: true
        ) { _ throws(Problems) in [] }
    }

    static func report(
        replacing changes: [(String, String)] = [], claims: [String] = []
    ) throws(Problems) -> AuditReport {
        let file = try read(text(replacing: changes, claims: claims))
        return Audit(of: file.deployment, at: file.positions, knowing: file.notes).report()
    }

    /// The messages of one code, or of all.
    static func messages(
        _ code: DiagnosticCode? = nil, replacing changes: [(String, String)] = [],
        claims: [String] = []
    ) throws(Problems) -> [String] {
        try report(replacing: changes, claims: claims).problems
            .filter { code == nil || $0.code == code }.map(\.description)
    }

    /// The file with a pipeline of two stages.
    static let pipelined = [("  data_parallel: 4", "  pipeline_parallel: 2\n  data_parallel: 2")]
}

/// The strategy document's deployment.
enum StrategyFile {
    static func read() throws -> DeploymentFile {
        try .stored("Plans/strategy-16gpu.yaml")
    }

    static func report() throws -> AuditReport {
        let file = try read()
        return Audit(of: file.deployment, at: file.positions, knowing: file.notes).report()
    }

    /// The report on the same deployment without the document's arithmetic beside its claims.
    static func reportWithoutFormulas() throws -> AuditReport {
        let file = try read()
        var deployment = file.deployment
        for index in deployment.claims.indices {
            deployment.claims[index].formula = nil
            deployment.claims[index].terms = nil
        }
        return Audit(of: deployment, at: file.positions, knowing: file.notes).report()
    }
}
