import ApusPlan

extension MegatronOptions {
    mutating func writeDegrees() {
        let degrees = job.degrees
        parallelism.add("--tensor-model-parallel-size", degrees.tensor)
        parallelism.add("--pipeline-model-parallel-size", degrees.pipeline)
        parallelism.add("--context-parallel-size", degrees.context)
        if job.model.hasExperts {
            parallelism.add("--expert-model-parallel-size", degrees.expert)
            parallelism.add("--expert-tensor-parallel-size", degrees.expertTensor)
        }
        let path = "\(job.bucketPath).tensor_parallel"
        notes.lose(
            path, "\(degrees.tensor)", if: degrees.tensor != job.plan.degrees.tensor,
            instead: "the weights are sliced over these ranks too, not only the computation")
        notes.refuse(
            "plan.expert_tensor_parallel", "\(degrees.expertTensor)",
            if: job.model.hasExperts && job.model.hasFeedForwardBias && degrees.expertTensor > 1,
            because: "experts with biases are not sliced")
        writeSequenceParallelism()
        writePlacement()
        let chunk = 2 * degrees.context
        notes.refuse(
            "plan.context_parallel", "\(degrees.context)",
            if: degrees.context > 1 && !job.sequenceLength.isMultiple(of: chunk),
            because: "\(job.sequenceLength) tokens are no multiple of 2 × \(degrees.context)")
        notes.refuse(
            path, "\(degrees.tensor)",
            if: !divideEitherWay(job.model.keyValueHeadCount, degrees.tensor),
            because: "these ranks cannot share \(job.model.keyValueHeadCount) key and value heads")
    }

    private func divideEitherWay(_ first: Int, _ second: Int) -> Bool {
        job.model.latentAttention != nil || first.isMultiple(of: second)
            || second.isMultiple(of: first)
    }

    /// Experts with tensor parallelism are refused there without sequence parallelism.
    private mutating func writeSequenceParallelism() {
        guard job.degrees.tensor > 1 else { return }
        let isNeeded = job.model.hasExperts && !job.plan.sequenceParallel
        parallelism.add("--sequence-parallel", if: job.plan.sequenceParallel || isNeeded)
        notes.lose(
            "plan.sequence_parallel", "false", if: isNeeded,
            instead: "sequence parallelism, without which it refuses experts beside tensor "
                + "parallelism")
        notes.refuse(
            "plan.sequence_parallel", "true",
            if: !job.sequenceLength.isMultiple(of: job.degrees.tensor * job.degrees.context)
                && (job.plan.sequenceParallel || isNeeded),
            because: "\(job.sequenceLength) tokens are no multiple of "
                + "\(job.degrees.tensor) tensor ranks × \(job.degrees.context) context ranks")
    }

    /// Ranks there count tensor, context, then data before pipeline, or pipeline before data.
    ///
    /// The second order needs as many replicas of the experts as of the rest.
    /// Source: Megatron Core 0.19.2, `megatron/core/parallel_state.py`.
    private mutating func writePlacement() {
        let degrees = job.degrees
        guard job.plan.pipelinePlacement == .innermost, degrees.pipeline > 1 else { return }
        let replicas =
            job.model.hasExperts ? degrees.expertData : degrees.data * degrees.context
        guard replicas == degrees.data else {
            return notes.lose(
                "plan.pipeline_placement", "innermost",
                instead: "a stage's ranks side by side; the other order needs as many ranks that "
                    + "share experts (\(replicas)) as batch replicas (\(degrees.data))")
        }
        parallelism.add("--use-tp-pp-dp-mapping")
        notes.lose(
            "plan.pipeline_placement", "innermost", if: degrees.tensor * degrees.context > 1,
            instead: "the tensor and context ranks of a stage side by side, then its pipeline "
                + "neighbours")
    }

    mutating func writePipeline() {
        let schedule = job.plan.schedule
        switch schedule {
        case .oneForwardOneBackward: writeStages(job.rankLayers)
        case .interleaved: writeInterleaved()
        case .gpipe, .zeroBubbleH1:
            notes.lose(
                "plan.schedule", schedule.name, if: job.degrees.pipeline > 1, instead: "1f1b")
            writeStages(job.rankLayers)
        case .zeroBubbleV, .dualPipeV:
            notes.lose(
                "plan.schedule", schedule.name, if: job.degrees.pipeline > 1,
                instead: "1f1b, with the layers of each rank in one piece")
            writeStages(vShapedLayers())
        case .written(let written):
            writeInstead(of: written)
        }
    }

    /// The nearest to a written schedule that holds the layers as it does.
    private mutating func writeInstead(of written: WrittenSchedule) {
        let shape = written.schedule.virtualStages
        let isLooped = shape.chunks > 1 && !shape.isV
        notes.lose(
            "plan.schedule_file", written.file,
            instead: isLooped
                ? "interleaved 1f1b"
                : "1f1b\(shape.isV ? ", with the layers of each rank in one piece" : "")")
        if isLooped {
            writeInterleaved()
        } else {
            writeStages(shape.isV ? vShapedLayers() : job.rankLayers)
        }
    }

    /// The layers of each rank where the second half of the chunks travels back.
    private func vShapedLayers() -> [Int] {
        let layers = job.stageLayers
        let ranks = job.degrees.pipeline
        guard layers.count == 2 * ranks else { return job.rankLayers }
        return (0..<ranks).map { layers[$0] + layers[2 * ranks - 1 - $0] }
    }

    private mutating func writeInterleaved() {
        let pipeline = job.degrees.pipeline
        guard pipeline > 1 else {
            return notes.lose(
                "plan.schedule", job.plan.schedule.name,
                instead: "one chunk, as there is one stage")
        }
        if job.areStagesEven {
            parallelism.add("--num-virtual-stages-per-pipeline-rank", job.plan.chunksPerRank)
        } else {
            writeLayout(job.stageLayers)
        }
        notes.refuse(
            "\(job.bucketPath).micro_batches", "\(job.bucket.microBatches)",
            if: !job.microBatches.isMultiple(of: pipeline),
            because: "\(job.microBatches) micro-batches of a step are no multiple of "
                + "\(pipeline) stages")
        guard !job.plan.overlap else { return }
        parallelism.add("--no-overlap-p2p-communication", if: pipeline > 2)
        notes.lose(
            "plan.overlap", "false", if: pipeline == 2,
            instead: "transfers between stages overlap with computation; it refuses two "
                + "interleaved stages without")
    }

    private mutating func writeStages(_ layers: [Int]) {
        if job.degrees.pipeline > 1, Set(layers).count > 1 { writeLayout(layers) }
    }

    /// Stages in the order of the model; `E` is the embedding, `t` a layer, `L` the loss.
    private mutating func writeLayout(_ layers: [Int]) {
        let stages = layers.enumerated().map { index, count in
            (index == 0 ? "E" : "") + "t*\(count)" + (index + 1 == layers.count ? "L" : "")
        }
        parallelism.add("--pipeline-model-parallel-layout", stages.joined(separator: "|"))
    }

    mutating func writeSharding() {
        let plan = job.plan
        switch plan.zeroStage {
        case 0: break
        case 1: parallelism.add("--use-distributed-optimizer")
        default:
            parallelism.add("--use-distributed-optimizer")
            parallelism.add("--use-megatron-fsdp")
            parallelism.add(
                "--data-parallel-sharding-strategy",
                plan.zeroStage == 2 ? "optim_grads" : "optim_grads_params")
            parallelism.add("--ckpt-format", "fsdp_dtensor")
        }
        if plan.overlap {
            parallelism.add("--overlap-grad-reduce")
            parallelism.add("--overlap-param-gather", if: plan.zeroStage > 0)
        }
        notes.lose(
            "plan.hierarchical_reduce", "true", if: plan.hierarchicalReduce,
            instead: "NCCL chooses how gradients are reduced over the nodes")
    }

    mutating func writeRecompute() {
        switch job.bucket.recompute {
        case .none: break
        case .selective:
            parallelism.add("--recompute-granularity", "selective")
            parallelism.add("--recompute-modules", "core_attn")
        case .full:
            parallelism.add("--recompute-granularity", "full")
            parallelism.add("--recompute-method", "uniform")
            parallelism.add("--recompute-num-layers", 1)
        }
    }
}
