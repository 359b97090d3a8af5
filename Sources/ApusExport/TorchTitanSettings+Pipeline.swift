import ApusPlan

extension TorchTitanSettings {
    mutating func writePipeline() {
        guard hasPipeline else { return }
        let (name, stages) = schedule()
        parallelism.append("pipeline_parallel_schedule=\(quoted(name))")
        parallelism.append("pipeline_parallel_microbatch_size=\(job.microBatchSize)")
        parallelism.append("module_fqns_per_model_part=stages(\(stages))")
        notes.lose(
            "model.tie_word_embeddings", "true", if: job.model.tiesEmbeddings,
            instead: "a head of its own; it refuses tied weights with a pipeline")
    }

    /// The schedule's name there and the layers of each stage.
    private mutating func schedule() -> (name: String, stages: [Int]) {
        let schedule = job.plan.schedule
        let layers = job.stageLayers
        switch schedule {
        case .gpipe: return ("GPipe", job.rankLayers)
        case .oneForwardOneBackward: return ("1F1B", job.rankLayers)
        case .interleaved:
            notes.refuse(
                "\(job.bucketPath).micro_batches", "\(job.bucket.microBatches)",
                if: !job.microBatches.isMultiple(of: job.degrees.pipeline),
                because: "\(job.microBatches) micro-batches of a step are no multiple of "
                    + "\(job.degrees.pipeline) stages")
            return ("Interleaved1F1B", layers)
        case .zeroBubbleH1:
            notes.lose("plan.schedule", schedule.name, instead: "1F1B")
            return ("1F1B", job.rankLayers)
        case .written(let written):
            let shape = written.schedule.virtualStages
            let name = shape.isV ? "ZBVZeroBubble" : shape.chunks > 1 ? "Interleaved1F1B" : "1F1B"
            notes.lose(
                "plan.schedule_file", written.file,
                instead: shape.isV
                    ? name : "\(name), unless `pipeline_parallel_schedule_csv` names the file")
            if shape.isV { return vShaped(name) }
            return (name, shape.chunks > 1 ? layers : job.rankLayers)
        case .zeroBubbleV: return vShaped("ZBVZeroBubble")
        case .dualPipeV: return vShaped("DualPipeV")
        }
    }

    /// Two stages for each rank, the second half of which travels back.
    private mutating func vShaped(_ name: String) -> (name: String, stages: [Int]) {
        let ranks = job.degrees.pipeline
        let layers = job.stageLayers
        let count = job.model.layerCount
        guard count >= 2 * ranks else {
            notes.lose(
                "plan.schedule", job.plan.schedule.name,
                instead: "1F1B, as \(count) layers are fewer than two on each of \(ranks) ranks")
            return ("1F1B", job.rankLayers)
        }
        if layers.count == 2 * ranks { return (name, layers) }
        notes.lose(
            "plan.layers_per_stage", "\(layers)",
            if: !job.areStagesEven,
            instead: "two stages on each rank, as even as the layers allow")
        return (name, evenSplit(count, into: 2 * ranks))
    }

    /// The function that returns the `Trainer.Config`.
    var function: [String] {
        let run = job.run
        let recompute =
            switch job.bucket.recompute {
            case .none: "None"
            case .selective: "SelectiveAC.Config()"
            case .full: "FullAC.Config()"
            }
        let optimizer = job.workload.optimizer == .adamw ? "AdamW" : "Adam"
        return [
            "def \(functionName)():",
            "    spec = model_spec(tied=\(isTied ? "True" : "False"))",
            "    return Trainer.Config(",
            "        model_spec=spec,",
            "        loss=ChunkedLossWrapper.Config(",
            "            loss_fn=CrossEntropyLoss.Config("
                + "global_vocab_size=spec.model.vocab_size)),",
            "        dataloader=HuggingFaceTextDataLoader.Config(dataset=\"c4_test\"),",
            "        optimizer=OptimizersContainer.Config(param_groups=[ParamGroupConfig(",
            "            pattern=\".*\", optimizer_name=\"\(optimizer)\",",
            "            optimizer_kwargs={",
            "                \"lr\": \(plain(run.learningRate)), \"betas\": (0.9, 0.95), "
                + "\"eps\": 1e-8,",
            "                \"weight_decay\": \(plain(run.weightDecay))})]),",
            "        lr_scheduler=LRSchedulersContainer.Config(",
            "            warmup_steps=\(min(run.warmupSteps, run.steps)), "
                + "decay_type=\"cosine\", min_lr_factor=0.1),",
            "        training=TrainingConfig(",
        ] + arguments(training)
            + ["        parallelism=ParallelismConfig("] + arguments(parallelism) + [
                "        activation_checkpoint=\(recompute),",
                "        debug=DebugConfig(seed=\(run.seed)),",
                "    )",
            ]
    }

    private var isTied: Bool { job.model.tiesEmbeddings && !hasPipeline }

    private func arguments(_ items: [String]) -> [String] {
        items.enumerated().map { index, item in
            "            \(item)\(index + 1 < items.count ? "," : "),")"
        }
    }
}
