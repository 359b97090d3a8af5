package import ApusBase

extension Deployment {
    /// What keeps the runtime from training this deployment as it stands.
    ///
    /// Besides features that the runtime does not execute yet, these are run settings that the plan
    /// cannot share out among its ranks. `local()` replaces all of it.
    package func unsupportedForTraining(
        at positions: KeyPositions = KeyPositions()
    ) -> [Diagnostic] {
        var check = SupportCheck(positions: positions)
        check.workload(workload, run)
        check.model(model)
        check.vocabulary(model)
        if let plan {
            check.plan(plan)
            check.slices(plan, of: model)
            check.shares(self, plan: plan)
        }
        check.routing(routing)
        return check.problems.sortedByPosition(first: positions.location(of: "")?.file)
    }
}

extension Model {
    /// Whether the layers have just the parts for which there are islands.
    ///
    /// What changes only how such a part computes (a sliding window, `variations`) makes no
    /// difference here: the program is the same.
    package var isComputedByIslands: Bool {
        var plain = Model(
            layerCount: layerCount, hiddenSize: hiddenSize, headCount: headCount,
            keyValueHeadCount: keyValueHeadCount, headDim: headDim, expertCount: expertCount,
            topK: topK, expertHiddenSize: expertHiddenSize, vocabularySize: vocabularySize,
            tiesEmbeddings: tiesEmbeddings, rmsNormEpsilon: rmsNormEpsilon, ropeTheta: ropeTheta)
        plain.slidingWindow = slidingWindow
        plain.windowedLayers = windowedLayers
        plain.variations = variations
        return hasExperts && self == plain
    }
}

/// How many tokens the tokenizer `bytes` has.
let byteTokenCount = 256

private struct SupportCheck {
    let positions: KeyPositions
    var problems: [Diagnostic] = []

    mutating func refuse(
        _ path: String, _ value: String, unless isSupported: Bool, expected: String
    ) {
        guard !isSupported else { return }
        add(
            .unsupported, path, "`\(path)` is `\(value)`, which the runtime does not execute yet",
            expected: expected)
    }

    mutating func add(
        _ code: DiagnosticCode, _ path: String, _ problem: String, expected: String?,
        hint: String = "`--local` replaces it"
    ) {
        problems.append(
            Diagnostic(
                code, location: positions.location(of: path), path: path, problem: problem,
                expected: expected, hint: hint))
    }

    mutating func workload(_ workload: Workload, _ run: RunSettings) {
        refuse(
            "workload.kind", workload.kind.rawValue, unless: workload.kind == .training,
            expected: "`training`")
        refuse(
            "workload.optimizer", workload.optimizer.rawValue,
            unless: workload.optimizer == .adamw,
            expected: "`adamw`, whose decay of weights is apart from the gradient")
        refuse(
            "workload.optimizer_precision", workload.optimizerPrecision.rawValue,
            unless: workload.optimizerPrecision == .fp32, expected: "`fp32`")
        let hasRun = positions.contains("run") || run.precision != workload.precision
        refuse(
            hasRun ? "run.precision" : "workload.precision", run.precision.rawValue,
            unless: run.precision == .fp32, expected: "`fp32`")
    }

    /// What of the model no island computes, or computes in another way.
    mutating func model(_ model: Model) {
        guard model.isComputedByIslands else {
            return add(
                .unsupported, "model.model_type",
                "`model.model_type` is `\(model.family.rawValue)`, which the runtime does not "
                    + "execute yet",
                expected: "`\(Model.Family.mixtral.rawValue)`",
                hint: "planning and simulating know this model")
        }
        if let window = model.slidingWindow {
            refuse(
                "model.sliding_window", "\(window)", unless: model.windowedLayers.isEmpty,
                expected: "null")
        }
        for variation in model.variations {
            let value = excerpt(variation.value)
            refuse(
                "model.\(variation.key)", value, unless: false, expected: variation.expected)
        }
    }

    mutating func vocabulary(_ model: Model) {
        guard model.vocabularySize < byteTokenCount else { return }
        add(
            .unsupported, "model.vocab_size",
            "`model.vocab_size` is \(model.vocabularySize), too few for `run.tokenizer` `bytes`",
            expected: "at least \(byteTokenCount)")
    }

    mutating func plan(_ plan: Plan) {
        let degrees = plan.degrees
        for (key, degree) in [
            ("context_parallel", degrees.context), ("tensor_parallel", degrees.tensor),
            ("expert_tensor_parallel", degrees.expertTensor),
        ] {
            refuse("plan.\(key)", "\(degree)", unless: degree == 1, expected: "1")
        }
        refuse(
            "plan.zero_stage", "\(plan.zeroStage)", unless: plan.zeroStage == 0, expected: "0")
        refuse(
            "plan.hierarchical_reduce", "true", unless: !plan.hierarchicalReduce,
            expected: "`false`")
        for (index, bucket) in plan.buckets.enumerated() {
            let path = positions.path(ofBucket: index, in: plan)
            refuse(
                "\(path).recompute", bucket.recompute.rawValue,
                unless: bucket.recompute != .selective, expected: "`none` or `full`")
        }
    }

    /// Whether the heads of each slice attend to whole keys and values, or share them evenly.
    mutating func slices(_ plan: Plan, of model: Model) {
        guard plan.degrees.tensor == 1 else { return }
        for (index, bucket) in plan.buckets.enumerated() {
            let path = "\(positions.path(ofBucket: index, in: plan)).tensor_parallel"
            let served = model.headCount / max(1, model.keyValueHeadCount)
            let share = model.headCount / max(1, bucket.tensorParallel)
            refuse(
                path, "\(bucket.tensorParallel)",
                unless: bucket.tensorParallel == 1 || share.isMultiple(of: served)
                    || (share > 0 && served.isMultiple(of: share)),
                expected: "a degree whose slices hold whole groups of \(served) query heads")
        }
    }

    mutating func routing(_ routing: Routing) {
        refuse(
            "routing.gate", routing.gate.rawValue, unless: routing.gate == .softmaxTopK,
            expected: "`softmax_top_k`")
        refuse(
            "routing.capacity", routing.capacity.rawValue, unless: routing.capacity == .dropless,
            expected: "`dropless`")
        refuse(
            "routing.balance_loss", plain(routing.balanceLoss), unless: routing.balanceLoss == 0,
            expected: "0")
    }

    /// Whether each data rank gets the same number of sequences of every length, and its
    /// micro-batches too.
    mutating func shares(_ deployment: Deployment, plan: Plan) {
        for length in deployment.run.lengths { shares(deployment, plan: plan, length: length) }
    }

    private mutating func shares(_ deployment: Deployment, plan: Plan, length: Int) {
        let run = deployment.run
        let hasRun =
            positions.contains("run")
            || run.sequencesPerStep != deployment.workload.sequencesPerBatch
        let path = hasRun ? "run.sequences_per_step" : "workload.sequences_per_batch"
        guard let bucket = plan.bucket(forLength: length) else {
            let key = run.mix == nil ? "run.sequence_length" : "run.sequence_lengths"
            return add(
                .sequenceLength, key,
                "`\(key)` is \(length), "
                    + "`plan.by_sequence_length` ends at \(plan.buckets.last?.lengthMax ?? 0)",
                expected: nil)
        }
        let data = plan.dataReplicas(of: bucket)
        guard run.sequencesPerStep.isMultiple(of: data) else {
            return add(
                .microBatches, path,
                "`\(path)` is \(run.sequencesPerStep), which \(data) data ranks cannot share",
                expected: "a multiple of \(data)")
        }
        let sequences = run.sequencesPerStep / data
        guard !plan.accumulates(sequences: sequences, in: bucket) else { return }
        let batches = min(bucket.microBatches, sequences)
        if let written = plan.schedule.written, written.schedule.microBatches != batches {
            let count = counted(batches, "micro-batch", "micro-batches")
            return add(
                .microBatches, path,
                "`\(path)` is \(run.sequencesPerStep): \(count) on each data rank, "
                    + "`plan.schedule_file` orders \(written.schedule.microBatches)",
                expected: "at least \(boundedProduct([data, written.schedule.microBatches]))")
        }
        guard !sequences.isMultiple(of: batches) else { return }
        add(
            .microBatches, path,
            "`\(path)` is \(run.sequencesPerStep): \(sequences) sequences on each data rank do not "
                + "divide into \(batches) micro-batches",
            expected: "a multiple of \(boundedProduct([data, batches]))")
    }
}
