import ApusPlan

extension MegatronOptions {
    mutating func writeBatch() {
        training.add("--micro-batch-size", job.microBatchSize)
        training.add("--global-batch-size", job.globalBatchSize)
        training.add("--train-iters", job.run.steps)
        training.add("--eval-iters", 0)
        training.add("--log-interval", 1)
        // Seeds there are positive.
        training.add("--seed", max(1, job.run.seed))
        notes.lose("run.seed", "\(job.run.seed)", if: job.run.seed < 1, instead: "1")
    }

    mutating func writePrecision() {
        let precision = job.workload.precision
        switch precision {
        case .fp32: break
        case .tf32:
            notes.lose(
                "workload.precision", precision.rawValue,
                instead: "fp32, which PyTorch computes in full unless its own settings allow TF32")
        case .fp16: training.add("--fp16")
        case .bf16: training.add("--bf16")
        case .fp8:
            training.add("--bf16")
            let quantizesBlocks = job.model.quantizesBlocks
            training.add("--fp8-format", quantizesBlocks ? "e4m3" : "hybrid")
            if quantizesBlocks { training.add("--fp8-recipe", "blockwise") }
        }
        writeOptimizerPrecision()
    }

    /// States in another type than FP32 need the distributed optimizer there.
    private mutating func writeOptimizerPrecision() {
        let precision = job.workload.optimizerPrecision
        guard precision != .fp32 else { return }
        guard precision != .tf32, job.plan.zeroStage == 1 else {
            return notes.lose(
                "workload.optimizer_precision", precision.rawValue,
                instead: "fp32" + (precision == .tf32 ? "" : ", as `zero_stage` is not 1"))
        }
        training.add("--use-precision-aware-optimizer")
        training.add("--exp-avg-dtype", precision.rawValue)
        training.add("--exp-avg-sq-dtype", precision.rawValue)
    }

    mutating func writeOptimizer() {
        let run = job.run
        training.add("--optimizer", "adam")
        notes.lose(
            "workload.optimizer", "adam", if: job.workload.optimizer == .adam,
            instead: "adamw: its decay of weights is apart from the gradient")
        training.add("--adam-beta1", "0.9")
        training.add("--adam-beta2", "0.95")
        training.add("--adam-eps", "1e-08")
        training.add("--weight-decay", plain(run.weightDecay))
        training.add("--clip-grad", plain(run.gradientClip))
        training.add("--lr", plain(run.learningRate))
        // The runtime's schedule: to a tenth of the peak, by a cosine.
        training.add("--min-lr", plain(run.learningRate / 10))
        training.add("--lr-decay-style", "cosine")
        training.add("--lr-decay-iters", run.steps)
        let warmup = min(run.warmupSteps, run.steps - 1)
        training.add("--lr-warmup-iters", warmup)
        notes.lose(
            "run.warmup_steps", "\(run.warmupSteps)", if: warmup != run.warmupSteps,
            instead: "\(warmup), fewer than the steps")
    }
}
