import ApusPlan

extension DeepSpeedSettings {
    mutating func writeAutomaticParallelism() {
        let degrees = job.degrees
        if slicesLayers {
            configuration.set("tensor_parallel", ["autotp_size": .integer(degrees.tensor)])
        }
        if sharesSequences {
            configuration.set("sequence_parallel_size", .integer(degrees.context))
        }
        guard replacesExperts, let presetModel else { return }
        configuration.set(
            "expert_parallel",
            [
                "enabled": true, "autoep_size": .integer(degrees.expert),
                "preset_model": .text(presetModel),
            ])
    }

    mutating func writePipeline() {
        guard hasPipeline else { return }
        configuration.set(
            "pipeline",
            [
                "stages": .integer(job.degrees.pipeline),
                "activation_checkpoint_interval": job.bucket.recompute == .full ? 1 : 0,
            ])
        let schedule = job.plan.schedule
        switch schedule {
        case .oneForwardOneBackward, .dualPipeV: break
        case .gpipe, .interleaved, .zeroBubbleH1, .zeroBubbleV:
            notes.lose("plan.schedule", schedule.name, instead: "1f1b, one chunk on each rank")
        case .written(let written):
            notes.lose(
                "plan.schedule_file", written.file, instead: "1f1b, one chunk on each rank")
        }
        notes.lose(
            "plan.layers_per_stage", "\(job.stageLayers)",
            if: job.plan.layersPerStage != nil && !job.areStagesEven,
            instead: "DeepSpeed gives each stage about as many layers")
    }

    mutating func noteDegrees() {
        let degrees = job.degrees
        notes.lose(
            "\(job.bucketPath).recompute", "selective", if: job.bucket.recompute == .selective,
            instead: "what the model code recomputes itself")
        notes.lose(
            "plan.context_parallel", "\(degrees.context)",
            if: degrees.context > 1 && !sharesSequences,
            instead: "\(dataRanks) data ranks, as a pipeline has no axis for parts of sequences")
        notes.lose(
            "plan.context_parallel", "\(degrees.context)", if: sharesSequences,
            instead: "ranks exchange heads (Ulysses); the model code calls its attention through "
                + "`deepspeed.sequence.layer.DistributedAttention`")
        notes.lose(
            "plan.tensor_parallel", "\(degrees.tensor)", if: degrees.tensor > 1 && !slicesLayers,
            instead: "the model code slices its layers, over the topology's axis `model`")
        notes.lose(
            "plan.sequence_parallel", "true", if: degrees.tensor > 1 && job.plan.sequenceParallel,
            instead: "each tensor rank keeps whole activations")
        let isInnermost = job.plan.pipelinePlacement == .innermost && hasPipeline
        notes.lose(
            "plan.pipeline_placement", "innermost", if: isInnermost && !allowsInnermost,
            instead: "a stage's ranks side by side, as its expert groups lie so")
        guard job.model.hasExperts, !replacesExperts else { return }
        notes.lose(
            "plan.expert_parallel", "\(degrees.expert)", if: expertRanks != degrees.expert,
            instead: "\(expertRanks), with \(job.model.expertCount / expertRanks) experts of a "
                + "layer on each rank: experts lie on the \(dataRanks) data ranks alone")
        notes.lose(
            "plan.expert_tensor_parallel", "\(degrees.expertTensor)",
            if: degrees.expertTensor > 1 && degrees.expertTensor != degrees.tensor,
            instead: "experts are not sliced: it slices them as all layers or not at all")
    }

    /// The ranks that share a layer's experts: of the plan's, as many as divide the data ranks.
    var expertRanks: Int {
        var (degree, rest) = (job.degrees.expert, dataRanks)
        while rest > 0 { (degree, rest) = (rest, degree % rest) }
        return degree
    }

    /// Whether pipeline neighbours can lie side by side: groups of experts cannot.
    var allowsInnermost: Bool { !job.model.hasExperts || job.degrees.expert == 1 }

    /// What `deepspeed.moe.layer.MoE` cannot do of the routing.
    mutating func noteGate() {
        guard job.model.hasExperts, !replacesExperts else { return }
        let routing = job.routing
        let gate = routing.gate.rawValue
        switch routing.gate {
        case .softmaxTopK, .switchTop1: break
        case .noisyTopK, .learnedNoisyTopK:
            notes.lose(
                "routing.gate", gate,
                instead: "the experts of the largest scores, without noise; its `RSample` adds "
                    + "Gumbel noise, and only where a token has one expert")
            notes.lose(
                "routing.noise_std", plain(routing.noiseStandardDeviation),
                if: routing.noiseStandardDeviation > 0, instead: "no noise")
        case .gshardTop2:
            notes.lose(
                "routing.gate", gate,
                instead: "the second expert is drawn by Gumbel noise and always used")
        case .sigmoidBias, .groupLimited:
            notes.lose("routing.gate", gate, instead: "the experts of the largest softmax scores")
        case .expertChoice:
            notes.lose("routing.gate", gate, instead: "tokens choose experts, not experts tokens")
        }
        for way in routing.overflow where routing.capacity != .dropless && way != .drop {
            notes.lose(
                "routing.overflow", way.rawValue,
                instead: "assignments over the capacity are dropped")
        }
        notes.lose(
            "model.model_type", job.model.family.rawValue,
            if: routing.gate != .sigmoidBias && job.model.scoresBySigmoid(routing)
                || routing.gate != .groupLimited && job.model.expertGroups != nil,
            instead: "the experts of the largest softmax scores, of all groups")
        notes.lose(
            "model.norm_topk_prob", "false",
            if: job.model.weighsByAllScores && job.model.topK > 1,
            instead: "a token weighs its experts by their scores among the chosen ones")
    }
}
