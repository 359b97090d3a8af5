import ApusPlan

/// The configuration of one job, and what is lost in writing it.
struct TorchTitanSettings {
    let job: ExportJob
    var notes: LossNotes
    /// Arguments of `ParallelismConfig`, in order.
    var parallelism: [String] = []
    /// Arguments of `TrainingConfig`.
    var training: [String] = []

    init(_ job: ExportJob, positions: KeyPositions) {
        self.job = job
        notes = LossNotes("torchtitan", positions: positions)
    }

    var functionName: String { "length_\(job.sequenceLength)" }
    var hasPipeline: Bool { job.degrees.pipeline > 1 }

    /// Sequences that a data rank computes between two reductions of gradients.
    ///
    /// With a pipeline that is the whole step, so that accumulation extends the flush.
    var localBatchSize: Int {
        hasPipeline ? job.microBatchSize * job.microBatches : job.microBatchSize
    }

    mutating func write() {
        writeDegrees()
        writePipeline()
        writeTraining()
        noteOptimizer()
        noteModel()
        if job.model.hasExperts { noteRouting() }
        noteWhatNoJobHas(job, &notes)
    }

    private mutating func writeDegrees() {
        let degrees = job.degrees
        writeDataDegrees()
        parallelism.append("tensor_parallel_degree=\(degrees.tensor)")
        let sharesSequences = job.plan.sequenceParallel && degrees.tensor > 1
        parallelism.append("enable_sequence_parallel=\(sharesSequences ? "True" : "False")")
        parallelism.append("context_parallel_degree=\(degrees.context)")
        // Masks of FlexAttention are shared out by blocks; those of GPT-OSS are two.
        if degrees.context > 1 {
            let balancer = job.model.hasAttentionSinks ? "None" : "\"ptrr\""
            parallelism.append("context_parallel_load_balancer=\(balancer)")
        }
        parallelism.append("pipeline_parallel_degree=\(degrees.pipeline)")
        if job.model.hasExperts { parallelism.append("expert_parallel_degree=\(degrees.expert)") }
        notes.lose(
            "\(job.bucketPath).tensor_parallel", "\(degrees.tensor)",
            if: degrees.tensor != job.plan.degrees.tensor,
            instead: "the weights are sliced over these ranks too, not only the computation")
        let expertTensor = degrees.expert > 1 ? 1 : degrees.tensor
        notes.lose(
            "plan.expert_tensor_parallel", "\(degrees.expertTensor)",
            if: job.model.hasExperts && degrees.expertTensor != expertTensor,
            instead: "experts are sliced over \(expertTensor) ranks, as it has no degree for this")
        notes.lose(
            "plan.pipeline_placement", "innermost",
            if: hasPipeline && job.plan.pipelinePlacement == .innermost,
            instead: "a stage's ranks side by side")
        noteRefusals(sharesSequences)
        notes.lose(
            "plan.hierarchical_reduce", "true", if: job.plan.hierarchicalReduce,
            instead: "NCCL chooses how gradients are reduced over the nodes")
        notes.lose(
            "plan.overlap", "false", if: !job.plan.overlap,
            instead: "FSDP overlaps its transfers with computation")
    }

    private mutating func noteRefusals(_ sharesSequences: Bool) {
        let degrees = job.degrees
        let length = job.sequenceLength
        notes.refuse(
            "plan.context_parallel", "\(degrees.context)",
            if: degrees.context > 1 && !length.isMultiple(of: 128 * degrees.context),
            because: "\(length) tokens are no multiple of \(degrees.context) ranks × 128, a block "
                + "of FlexAttention")
        let divisor = degrees.tensor * (degrees.context > 1 ? 2 * degrees.context : 1)
        notes.refuse(
            "plan.sequence_parallel", "true",
            if: sharesSequences && !length.isMultiple(of: divisor),
            because: "\(length) tokens are no multiple of \(divisor)")
        notes.refuse(
            "\(job.bucketPath).tensor_parallel", "\(degrees.tensor)",
            if: job.model.latentAttention == nil
                && !job.model.keyValueHeadCount.isMultiple(of: degrees.tensor),
            because: "these ranks cannot share \(job.model.keyValueHeadCount) key and value heads")
    }

    /// ZeRO's stages as replicas and shards; expert ranks can only be taken from shards.
    private mutating func writeDataDegrees() {
        let degrees = job.degrees
        let others = degrees.context * degrees.tensor
        let stage = job.plan.zeroStage
        let shards =
            stage > 0
            ? degrees.data
            : (1...degrees.data).first {
                degrees.data.isMultiple(of: $0) && ($0 * others).isMultiple(of: neededRanks)
            } ?? degrees.data
        parallelism.append("data_parallel_replicate_degree=\(degrees.data / shards)")
        parallelism.append("data_parallel_shard_degree=\(shards)")
        parallelism.append("fsdp_reshard_after_forward=\(stage == 3 ? "\"always\"" : "\"never\"")")
        notes.lose(
            "plan.zero_stage", "1", if: stage == 1 && degrees.data > 1,
            instead: "gradients are sharded too, as with stage 2")
        notes.lose(
            "plan.zero_stage", "0", if: stage == 0 && shards > 1,
            instead: "weights, gradients and states are sharded over \(shards) data ranks, from "
                + "which the expert ranks are taken")
    }

    private var neededRanks: Int { job.model.hasExperts ? job.degrees.expert : 1 }

    private mutating func writeTraining() {
        let run = job.run
        training = [
            "seq_len=\(job.sequenceLength)", "local_batch_size=\(localBatchSize)",
            "global_batch_size=\(job.globalBatchSize)", "steps=\(run.steps)",
            "max_norm=\(plain(run.gradientClip))",
        ]
        let precision = job.workload.precision
        switch precision {
        case .bf16: training.append("mixed_precision_param=\"bfloat16\"")
        case .fp32: training.append("mixed_precision_param=\"float32\"")
        case .tf32:
            training.append("mixed_precision_param=\"float32\"")
            notes.lose(
                "workload.precision", precision.rawValue,
                instead: "fp32, which PyTorch computes in full unless its own settings allow TF32")
        case .fp16, .fp8:
            training.append("mixed_precision_param=\"bfloat16\"")
            notes.lose("workload.precision", precision.rawValue, instead: "bf16")
        }
        // CUDA graphs, which it captures otherwise, allow neither pipelines nor this dispatcher.
        training.append("disable_cuda_graphs=True")
    }

    private mutating func noteOptimizer() {
        notes.lose(
            "workload.optimizer_precision", job.workload.optimizerPrecision.rawValue,
            if: job.workload.optimizerPrecision != .fp32, instead: "fp32")
    }

    private mutating func noteRouting() {
        let routing = job.routing
        let gate = routing.gate.rawValue
        switch routing.gate {
        case .softmaxTopK, .switchTop1, .sigmoidBias: break
        case .noisyTopK, .learnedNoisyTopK:
            notes.lose(
                "routing.gate", gate, instead: "the experts of the largest scores, without noise")
            notes.lose(
                "routing.noise_std", plain(routing.noiseStandardDeviation),
                if: routing.noiseStandardDeviation > 0, instead: "no noise")
        case .gshardTop2:
            notes.lose(
                "routing.gate", gate,
                instead: "each token goes to its second expert, however small the score")
        case .groupLimited:
            notes.lose(
                "routing.gate", gate, if: job.model.expertGroups == nil,
                instead: "experts of all groups, as the model names no groups")
        case .expertChoice:
            notes.lose("routing.gate", gate, instead: "tokens choose experts, not experts tokens")
        }
        notes.lose(
            "routing.balance_loss", plain(routing.balanceLoss), if: routing.balanceLoss > 0,
            instead: "a bias of each expert, moved by 0.001 a step towards an even load")
        guard routing.capacity != .dropless else { return }
        let factor = plain(routing.capacityFactor)
        notes.lose("routing.capacity", routing.capacity.rawValue, instead: "dropless")
        notes.lose("routing.capacity_factor", factor, instead: "no limit")
        for way in routing.overflow {
            notes.lose("routing.overflow", way.rawValue, instead: "no token is over capacity")
        }
    }
}
