package import ApusBase
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

    /// How cross-entropy gets from logits to their gradient.
    package enum CrossEntropy: String, Hashable, Sendable, CaseIterable {
        /// In several kernels: logits, FP32 probabilities in place of their FP32 copy, gradient.
        case separate
        /// In compiled pieces that hold one FP32 copy more (Megatron-Core's native fusion).
        case compiled
        /// In one kernel that overwrites the logits with their gradient (Transformer Engine).
        case inPlace = "in_place"
    }

    package var name: String
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
    /// Whether tensor-parallel collectives are cut up and run between pieces of their products.
    package var overlapsTensor = false
    /// Whether backward's tensor-parallel collectives run beside a product that does not need them.
    package var overlapsTensorGradients = true
    /// Whether pipeline sends run while other micro-batches compute.
    package var overlapsPipeline = false
    /// Whether dispatch and combine run while another micro-batch computes.
    package var overlapsExperts = false
    /// Whether the host's launches are recorded once and replayed (CUDA graphs).
    package var replaysLaunches = false
    /// How the loss treats the logits.
    package var crossEntropy = CrossEntropy.separate
    /// Whether queries, keys and values come from one product.
    package var joinsProjections = true
    /// Whether products add weight gradients where they are kept, without a copy in between.
    package var accumulatesInProducts = true
    /// Whether attention and the residual branches drop elements out, and so keep masks.
    package var dropsOut = false
    /// Whether the router's weights scale what experts put out, which then is kept; otherwise they
    /// scale the inner activation.
    package var weighsExpertOutputs = false
    /// Whether rows that several ranks sent are kept as they arrived, beside those in the order of
    /// experts.
    package var keepsArrivedRows = false
    /// What `recompute: selective` computes again.
    package var selectiveModules = RecomputedModules.coreAttention
    /// Whether experts' products, activation and casts are one kernel each way.
    package var fusesExperts = false
    /// Whether a product over several experts is launched once for each of them.
    package var launchesEachExpert = true
    /// The share of a large collective's rate that those of single layers reach, with which ZeRO 3
    /// gathers and reduces.
    ///
    /// Assumption: between NVIDIA's runs on racks, which lose nothing, and DeepSpeed's of 2021,
    /// which reached an eighth (`RowImplementation`).
    package var layerCollectiveShare = 0.7
    /// What the host needs for each kernel that the cost model counts, with Python, autograd and
    /// the small kernels beside it.
    ///
    /// Fitted to Qwen3-235B on H100 (yanring/Megatron-MoE-ModelZoo@e865051); vTrain's runs of small
    /// models under an earlier Megatron need 69 µs.
    package var hostTimePerKernel = Seconds(55e-6)
    /// What a step takes beside its instructions: data, logging, synchronisation.
    package var stepOverhead = Seconds(5e-3)
    /// The vocabulary is padded to a multiple of this times the tensor degree.
    package var vocabularyMultiple = 1

    package init(name: String) { self.name = name }

    /// What the host takes to launch one kernel; nothing where launches are replayed.
    package var launchTime: Seconds { replaysLaunches ? .zero : hostTimePerKernel }

    /// What Apus assumes of a plan: what Megatron-Core does with a fused dispatcher.
    ///
    /// `standard(for:)` adds the overlap that a plan asks for.
    package static let standard: Implementation = {
        var implementation = Implementation(name: "standard")
        implementation.dispatcher = .fused
        return implementation
    }()

    /// `standard` with the overlap that a plan asks for.
    ///
    /// Dispatch and combine need another micro-batch beside them, which only schedules with several
    /// chunks on a rank have.
    package static func standard(for plan: Plan) -> Implementation {
        var result = standard
        guard plan.overlap else { return result }
        result.overlapsGradients = true
        result.overlapsParameters = true
        result.overlapsTensor = true
        result.overlapsPipeline = plan.chunks > 1
        result.overlapsExperts = plan.chunks > 1 && plan.degrees.expert > 1
        return result
    }

    /// What a program that Apus compiles says, instruction by instruction.
    package static let compiled: Implementation = {
        var implementation = Implementation(name: "apus")
        implementation.joinsProjections = false
        implementation.overlapsGradients = true
        implementation.overlapsPipeline = true
        implementation.overlapsTensorGradients = false
        implementation.launchesEachExpert = false
        implementation.keepsArrivedRows = true
        implementation.stepOverhead = .zero
        implementation.hostTimePerKernel = Seconds(5e-6)
        return implementation
    }()
}
