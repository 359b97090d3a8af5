import ApusPlan

/// The configuration of one job, and what is lost in writing it.
struct DeepSpeedSettings {
    let job: ExportJob
    var notes: LossNotes
    /// What `ds_config.json` holds.
    var configuration: Literal = .object([])

    init(_ job: ExportJob, positions: KeyPositions) {
        self.job = job
        notes = LossNotes("DeepSpeed", positions: positions)
    }

    var hasPipeline: Bool { job.degrees.pipeline > 1 }

    /// Whether DeepSpeed replaces the experts of a Hugging Face model itself (AutoEP).
    ///
    /// It keeps neither capacity nor a loss for balance, has no pipeline, and knows these families.
    var replacesExperts: Bool {
        let degrees = job.degrees
        guard job.model.hasExperts, !hasPipeline, job.routing.capacity == .dropless,
            job.routing.balanceLoss == 0, degrees.expertTensor == 1, presetModel != nil
        else { return false }
        switch job.routing.gate {
        case .softmaxTopK, .sigmoidBias, .groupLimited: break
        case .noisyTopK, .learnedNoisyTopK, .gshardTop2, .switchTop1, .expertChoice: return false
        }
        return degrees.tensor == 1 || degrees.context == 1 && degrees.expert > 1
    }

    /// Whether DeepSpeed slices a Hugging Face model's layers itself (AutoTP).
    var slicesLayers: Bool {
        job.degrees.tensor > 1 && !hasPipeline && (replacesExperts || !job.model.hasExperts)
    }

    var presetModel: String? {
        switch job.model.family {
        case .mixtral: "mixtral"
        case .qwen3MoE: "qwen3_moe"
        case .deepSeekV2: "deepseek_v2"
        case .deepSeekV3: "deepseek_v3"
        case .qwen2MoE, .olmoe, .gptOSS, .llama, .gpt2: nil
        }
    }

    /// Whether ranks share a sequence, as Ulysses does; a pipeline has no such axis.
    var sharesSequences: Bool { job.degrees.context > 1 && !hasPipeline }

    /// The batch replicas: context ranks of a pipeline become such.
    var dataRanks: Int {
        sharesSequences ? job.degrees.data : job.degrees.data * job.degrees.context
    }

    /// Micro-batches of a step on one pipeline; at least the plan's global batch.
    var accumulation: Int {
        let flush = job.microBatchSize * dataRanks
        return (job.globalBatchSize + flush - 1) / flush
    }

    /// Stages 2 and 3 are refused with a pipeline.
    var zeroStage: Int { hasPipeline ? min(1, job.plan.zeroStage) : job.plan.zeroStage }

    mutating func write() {
        writeBatch()
        writeOptimizer()
        writePrecision()
        writeSharding()
        writeAutomaticParallelism()
        writePipeline()
        noteDegrees()
        noteGate()
        noteWhatNoJobHas(job, &notes)
    }

    private mutating func writeBatch() {
        let batch = job.microBatchSize * accumulation * dataRanks
        configuration.set("train_batch_size", .integer(batch))
        configuration.set("train_micro_batch_size_per_gpu", .integer(job.microBatchSize))
        configuration.set("gradient_accumulation_steps", .integer(accumulation))
        configuration.set("steps_per_print", 1)
        notes.lose(
            "workload.sequences_per_batch", "\(job.workload.sequencesPerBatch)",
            if: batch != job.globalBatchSize,
            instead: "\(batch) sequences, which \(dataRanks) data ranks can share")
    }

    private mutating func writeOptimizer() {
        let run = job.run
        let isDecoupled = job.workload.optimizer == .adamw
        configuration.set("gradient_clipping", .number(run.gradientClip))
        configuration.set(
            "optimizer",
            [
                "type": .text(isDecoupled ? "AdamW" : "Adam"),
                "params": [
                    "lr": .number(run.learningRate), "betas": [0.9, 0.95], "eps": 1e-8,
                    "weight_decay": .number(run.weightDecay), "adam_w_mode": .flag(isDecoupled),
                ],
            ])
        configuration.set(
            "scheduler",
            [
                "type": "WarmupCosineLR",
                "params": [
                    "total_num_steps": .integer(run.steps),
                    "warmup_num_steps": .integer(run.warmupSteps), "warmup_min_ratio": 0.0,
                    "cos_min_ratio": 0.1, "warmup_type": "linear",
                ],
            ])
    }

    private mutating func writePrecision() {
        let precision = job.workload.precision
        var half: Literal = ["enabled": true]
        let states = job.workload.optimizerPrecision
        if states == .bf16, precision == .bf16 || precision == .fp8, zeroStage > 0 {
            half.set("bf16_master_weights_and_grads", true)
            half.set("bf16_optimizer_states", true)
        } else {
            notes.lose(
                "workload.optimizer_precision", states.rawValue, if: states != .fp32,
                instead: "fp32 states and master weights")
        }
        switch precision {
        case .fp32: break
        case .tf32:
            notes.lose(
                "workload.precision", precision.rawValue,
                instead: "fp32, which PyTorch computes in full unless its own settings allow TF32")
        case .fp16:
            configuration.set("fp16", ["enabled": true, "loss_scale": 0])
        case .bf16, .fp8:
            configuration.set("bf16", half)
            notes.lose(
                "workload.precision", precision.rawValue, if: precision == .fp8, instead: "bf16")
        }
        if precision != .fp32, precision != .tf32, states != .bf16 {
            configuration.set("data_types", ["grad_accum_dtype": "fp32"])
        }
    }

    private mutating func writeSharding() {
        let overlaps = job.plan.overlap && !hasPipeline
        configuration.set(
            "zero_optimization",
            ["stage": .integer(zeroStage), "overlap_comm": .flag(overlaps)])
        notes.lose(
            "plan.zero_stage", "\(job.plan.zeroStage)", if: zeroStage != job.plan.zeroStage,
            instead: "stage 1, as it refuses more with a pipeline")
        notes.lose(
            "plan.overlap", "true", if: job.plan.overlap && hasPipeline,
            instead: "gradients are reduced after the last micro-batch of a pipeline")
        notes.lose(
            "plan.hierarchical_reduce", "true", if: job.plan.hierarchicalReduce,
            instead: "NCCL chooses how gradients are reduced over the nodes")
    }
}
