package import ApusPlan

/// How a training framework carries a plan out: what differs between two that run the same plan.
package struct Implementation: Hashable, Sendable {
    /// How rows travel to their experts.
    package enum Dispatcher: String, Hashable, Sendable, CaseIterable {
        /// NCCL's all-to-all, after a permutation that sorts rows by expert.
        case allToAll = "all_to_all"
        /// A fused kernel that sends each token once per node (DeepEP and its kin).
        case fused
    }

    /// Parts of a layer that a selective recomputation runs again.
    package struct Recomputed: OptionSet, Hashable, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let attentionCore = Recomputed(rawValue: 1)
        package static let norms = Recomputed(rawValue: 2)
        package static let activation = Recomputed(rawValue: 4)
        package static let latentProjection = Recomputed(rawValue: 8)
        /// All of a dense layer's or an expert layer's feed-forward.
        package static let feedForward = Recomputed(rawValue: 16)
    }

    package var name: String
    /// What `recompute: selective` runs again.
    package var recomputed: Recomputed = .attentionCore
    /// Attention in one kernel that never writes the scores (FlashAttention and its kin).
    package var fusedAttention = true
    /// Norm, rotary, activation and cross-entropy each in one kernel.
    package var fusedElementwise = true
    package var dispatcher = Dispatcher.allToAll
    /// The type in which gradients are kept and reduced.
    package var gradientPrecision = Precision.fp32
    /// Whether weight gradients are reduced while backward still computes.
    package var overlapsGradients = false
    /// Whether sharded weights are gathered while forward already computes.
    package var overlapsParameters = false
    /// Whether tensor-parallel collectives run while their products compute.
    package var overlapsTensor = false
    /// Whether pipeline sends run while other micro-batches compute.
    package var overlapsPipeline = false
    /// Whether dispatch and combine run while another micro-batch computes.
    package var overlapsExperts = false
    /// Whether the host's launches are recorded once and replayed (CUDA graphs).
    package var replaysLaunches = false

    package init(name: String) { self.name = name }

    /// What Apus assumes of a plan: what current Megatron-Core does by default, with the overlap
    /// that the plan asks for.
    package static let standard = Implementation(name: "standard")
}
