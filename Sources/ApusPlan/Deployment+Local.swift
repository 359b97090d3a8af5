extension Deployment {
    /// The deployment as this machine can train it, and a sentence for each thing that changed.
    ///
    /// FP32, sequences of 64 tokens and 8 of them in a step, or as many more as give each data rank
    /// the same number; as many ranks as the plan has; and only what the runtime executes, so that
    /// `unsupportedForTraining` of the result is empty, unless the model is of a family that the
    /// runtime does not execute.
    package func local() -> (deployment: Deployment, replacements: [String]) {
        var replacer = Replacer()
        var local = self
        replacer.replaceArithmetic(&local.model)
        replacer.replaceStrategy(&local)
        replacer.replaceRouting(&local.routing)
        replacer.replaceWork(&local)
        return (local, replacer.sentences)
    }
}

extension Deployment {
    /// The deployment with only what the runtime executes, its sequence lengths as they are, and a
    /// sentence for each thing that changed.
    package func executable() -> (deployment: Deployment, replacements: [String]) {
        var replacer = Replacer()
        var result = self
        replacer.replaceArithmetic(&result.model)
        replacer.replaceStrategy(&result)
        replacer.replaceRouting(&result.routing)
        replacer.replaceTypes(&result)
        if var plan = result.plan {
            for index in plan.buckets.indices {
                replacer.replaceRecomputation(&plan.buckets[index])
            }
            result.plan = plan
        }
        return (result, replacer.sentences)
    }
}

/// Changes values and says so.
private struct Replacer {
    var sentences: [String] = []

    /// Sets a value; where that changes it, says which, from what to what, and why.
    mutating func set<Value: Equatable>(
        _ value: inout Value, to new: Value, _ key: String, because reason: String,
        as describe: (Value) -> String = { "\($0)" }
    ) {
        guard value != new else { return }
        sentences.append("\(key) \(describe(value)) -> \(describe(new)): \(reason)")
        value = new
    }

    /// Leaves a model that the runtime computes with the arithmetic that it computes.
    mutating func replaceArithmetic(_ model: inout Model) {
        guard model.isComputedByIslands else { return }
        if let window = model.slidingWindow {
            sentences.append(
                "sliding_window \(window) -> null: the runtime looks back to the start")
        }
        model.slidingWindow = nil
        model.windowedLayers = []
        for variation in model.variations {
            let expected = variation.expected.filter { $0 != "`" }
            sentences.append(
                "\(variation.key) \(excerpt(variation.value)) -> \(expected): the runtime computes "
                    + "nothing else")
        }
        model.variations = []
    }

    mutating func replaceStrategy(_ deployment: inout Deployment) {
        guard var plan = deployment.plan else { return }
        replaceDegrees(&plan.degrees, sequenceParallel: &plan.sequenceParallel)
        set(
            &plan.zeroStage, to: 0, "zero_stage",
            because: "each rank keeps its whole optimizer state")
        set(
            &plan.hierarchicalReduce, to: false, "hierarchical_reduce",
            because: "gradients are reduced in one step")
        deployment.plan = plan
    }

    /// Gives the ranks of axes that the runtime does not run to the data axis.
    private mutating func replaceDegrees(_ degrees: inout Degrees, sequenceParallel: inout Bool) {
        let taken = degrees.tensor * degrees.context
        set(
            &degrees.tensor, to: 1, "tensor_parallel",
            because: "the runtime computes whole layers; data_parallel takes the ranks")
        set(
            &degrees.context, to: 1, "context_parallel",
            because: "the runtime computes whole sequences; data_parallel takes the ranks")
        set(
            &degrees.expertTensor, to: 1, "expert_tensor_parallel",
            because: "the runtime computes whole experts")
        set(
            &degrees.data, to: degrees.data * taken, "data_parallel",
            because: "as many ranks as before")
        set(
            &sequenceParallel, to: false, "sequence_parallel",
            because: "it belongs to tensor parallelism")
    }

    mutating func replaceRouting(_ routing: inout Routing) {
        set(
            &routing.gate, to: .softmaxTopK, "gate",
            because: "the runtime routes by the largest scores", as: \.rawValue)
        set(
            &routing.noiseStandardDeviation, to: 0, "noise_std",
            because: "the gate adds no noise", as: plain)
        set(
            &routing.capacity, to: .dropless, "capacity",
            because: "the runtime drops no token", as: \.rawValue)
        set(
            &routing.capacityFactor, to: 1, "capacity_factor", because: "capacity has no limit",
            as: plain)
        set(
            &routing.overflow, to: [], "overflow", because: "no token is over capacity",
            as: describe)
        set(
            &routing.balanceLoss, to: 0, "balance_loss",
            because: "the runtime adds no loss for balance", as: plain)
    }

    mutating func replaceTypes(_ deployment: inout Deployment) {
        set(
            &deployment.workload.kind, to: .training, "kind", because: "this is a training run",
            as: \.rawValue)
        set(
            &deployment.run.precision, to: .fp32, "precision",
            because: "a processor is fastest and most exact in FP32", as: \.rawValue)
        deployment.workload.precision = .fp32
        set(
            &deployment.workload.optimizer, to: .adamw, "optimizer",
            because: "the runtime decays weights apart from the gradient", as: \.rawValue)
        set(
            &deployment.workload.optimizerPrecision, to: .fp32, "optimizer_precision",
            because: "optimizer states are FP32", as: \.rawValue)
    }

    mutating func replaceWork(_ deployment: inout Deployment) {
        let machine = "what this machine can bear"
        replaceTypes(&deployment)
        let vocabulary = max(byteTokenCount, deployment.model.vocabularySize)
        set(
            &deployment.model.vocabularySize, to: vocabulary, "vocab_size",
            because: "bytes are \(byteTokenCount) tokens")
        let length = 64
        let data = deployment.plan?.degrees.data ?? 1
        let sequences = data * max(1, (8 + data - 1) / data)
        let share = sequences == 8 ? "" : ", with the same share for each data rank"
        replaceLengths(&deployment, to: length, because: machine)
        if deployment.workload.sequencesPerBatch == deployment.run.sequencesPerStep {
            deployment.workload.sequencesPerBatch = sequences
        }
        set(
            &deployment.run.sequencesPerStep, to: sequences, "sequences_per_step",
            because: machine + share)
        set(
            &deployment.workload.sequencesPerBatch, to: sequences, "sequences_per_batch",
            because: "the run's sequences_per_step")
        if var plan = deployment.plan {
            replaceBuckets(&plan, length: length, sequences: sequences / data)
            deployment.plan = plan
        }
    }

    /// Trains one length; the workload's lengths are named where they were others.
    private mutating func replaceLengths(
        _ deployment: inout Deployment, to length: Int, because reason: String
    ) {
        let isOne = deployment.workload.sequenceLengths == [deployment.run.sequenceLength]
        if deployment.run.mix != deployment.workload.mix {
            set(
                &deployment.run.mix, to: nil, "sequence_lengths of the run", because: reason,
                as: { $0.map { describe($0.lengths) } ?? "one" })
        }
        deployment.run.mix = nil
        set(
            &deployment.run.sequenceLength, to: length, "sequence_length", because: reason)
        if isOne { deployment.workload.sequenceLengths = [length] }
        set(
            &deployment.workload.sequenceLengths, to: [length], "sequence_lengths",
            because: "the run has one length", as: { describe($0) })
        deployment.workload.lengthWeights = nil
    }

    /// Keeps the bucket of the length that is trained, with the sequences that a rank gets.
    private mutating func replaceBuckets(_ plan: inout Plan, length: Int, sequences: Int) {
        guard var bucket = plan.bucket(forLength: length) ?? plan.buckets.last else { return }
        if plan.buckets.count > 1, let lengthMax = bucket.lengthMax {
            sentences.append(
                "by_sequence_length \(plan.buckets.count) entries -> 1: the one up to \(lengthMax) "
                    + "is used")
        }
        if let lengthMax = bucket.lengthMax, lengthMax < length {
            set(
                &bucket.lengthMax, to: length, "up_to", because: "the run's sequences are longer",
                as: { $0.map(String.init) ?? "none" })
        }
        set(
            &bucket.sequencesPerDataRank, to: sequences, "sequences_per_data_rank",
            because: "each data rank's share of the step")
        let batches = (1...sequences).last {
            $0 <= bucket.microBatches && sequences.isMultiple(of: $0)
        }
        set(
            &bucket.microBatches, to: batches ?? 1, "micro_batches",
            because: "a data rank has \(sequences) sequence\(sequences == 1 ? "" : "s")")
        if bucket.tensorParallel != 1 {
            set(
                &bucket.tensorParallel, to: 1, "tensor_parallel of the entry",
                because: "a short sequence needs no slices")
        }
        replaceRecomputation(&bucket)
        plan.buckets = [bucket]
        replaceSchedule(&plan, microBatches: bucket.microBatchesPerFlush)
    }

    mutating func replaceRecomputation(_ bucket: inout Plan.Bucket) {
        guard bucket.recompute == .selective else { return }
        set(
            &bucket.recompute, to: .full, "recompute",
            because: "the runtime recomputes whole layers or nothing", as: \.rawValue)
    }

    /// Leaves a written schedule only where it is for so many micro-batches; otherwise one that is
    /// generated takes its place on the same chunks.
    private mutating func replaceSchedule(_ plan: inout Plan, microBatches: Int) {
        guard let written = plan.schedule.written?.schedule, written.microBatches != microBatches
        else { return }
        let shape = written.virtualStages
        let chunked: Plan.Schedule = shape.isV ? .zeroBubbleV : .interleaved
        set(
            &plan.schedule, to: shape.chunks > 1 ? chunked : .oneForwardOneBackward, "schedule",
            because: "the file orders \(written.microBatches) micro-batches, the run has "
                + "\(microBatches)", as: \.name)
    }
}

private func describe(_ numbers: [Int]) -> String {
    "[\(numbers.map(String.init).joined(separator: ", "))]"
}

private func describe(_ ways: [Routing.Overflow]) -> String {
    ways.isEmpty ? "none" : ways.map(\.rawValue).joined(separator: ", ")
}
