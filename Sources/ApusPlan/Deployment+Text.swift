import ApusRouting

extension Deployment {
    /// The deployment as a file that reads back to an equal value.
    ///
    /// Every value is written out, defaults included, so that the text means the same to an Apus
    /// with other defaults. Only a deployment without problems has such a text. A written schedule
    /// stays in its file, which has to lie beside the text as it lay beside the deployment.
    package func text() -> String {
        var lines = ["apus: 1", ""]
        lines += model.lines
        if let cluster { lines += [""] + cluster.lines }
        lines += [""] + workload.lines
        if let plan { lines += [""] + plan.lines }
        lines += [""] + routing.lines
        if !claims.isEmpty { lines += ["", "claims:"] + claims.map(\.line) }
        lines += [""] + run.lines
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Cluster {
    fileprivate var lines: [String] {
        let peaks = Precision.allCases.compactMap { precision in
            gpu.peakTeraFLOPs[precision].map { "\(precision.rawValue): \(plain($0))" }
        }
        var lines = [
            "cluster:",
            "  nodes: \(nodeCount)",
            "  gpus_per_node: \(gpusPerNode)",
            "  gpu:",
            "    name: \(scalar(gpu.name))",
            "    peak_tflops: { \(peaks.joined(separator: ", ")) }",
            "    memory_gb: \(plain(gpu.memoryGB))",
            "    memory_bandwidth_gb_per_s: \(plain(gpu.memoryBandwidthGBPerSecond))",
        ]
        if !links.isEmpty { lines += ["  links:"] + links.map(\.line) }
        if let cores { lines.append("  cores: \(cores)") }
        return lines + (calibration?.lines ?? [])
    }

    /// The cluster as a file of its own, which `--cluster` and `cluster.calibration` may name.
    package func text() -> String { (["apus: 1", ""] + lines).joined(separator: "\n") + "\n" }
}

extension Link {
    fileprivate var line: String {
        "    - { level: \(scalar(level)), gpus: \(gpuCount), bandwidth_gb_per_s: "
            + "\(plain(bandwidthGBPerSecond)), latency_us: \(plain(latencyMicroseconds)) }"
    }
}

extension Workload {
    fileprivate var lines: [String] {
        var lines = [
            "workload:",
            "  kind: \(kind.rawValue)",
            "  sequences_per_batch: \(sequencesPerBatch)",
            "  sequence_lengths: \(list(sequenceLengths.map(String.init)))",
        ]
        if let lengthWeights {
            lines.append("  length_weights: \(list(lengthWeights.map(plain)))")
        }
        return lines + [
            "  precision: \(precision.rawValue)",
            "  optimizer: \(optimizer.rawValue)",
            "  optimizer_precision: \(optimizerPrecision.rawValue)",
        ]
    }
}

extension Plan {
    fileprivate var lines: [String] {
        var lines = [
            "plan:",
            "  pipeline_parallel: \(degrees.pipeline)",
            "  data_parallel: \(degrees.data)",
            "  context_parallel: \(degrees.context)",
            "  tensor_parallel: \(degrees.tensor)",
            "  expert_parallel: \(degrees.expert)",
            "  expert_tensor_parallel: \(degrees.expertTensor)",
            schedule.line,
            "  chunks_per_rank: \(chunksPerRank)",
            "  zero_stage: \(zeroStage)",
            "  pipeline_placement: \(pipelinePlacement.rawValue)",
        ]
        if let layersPerStage {
            lines.append("  layers_per_stage: \(list(layersPerStage.map(String.init)))")
        }
        lines += [
            "  sequence_parallel: \(sequenceParallel)",
            "  overlap: \(overlap)",
            "  hierarchical_reduce: \(hierarchicalReduce)",
        ]
        let isOne = buckets.count == 1 && buckets[0].lengthMax == nil
        if isOne, buckets[0].tensorParallel == degrees.tensor {
            return lines + buckets[0].contents.map { "  \($0)" }
        }
        return lines + ["  by_sequence_length:"] + buckets.map(\.line)
    }
}

extension Plan.Schedule {
    fileprivate var line: String {
        switch self {
        case .gpipe, .oneForwardOneBackward, .interleaved, .zeroBubbleH1, .zeroBubbleV, .dualPipeV:
            "  schedule: \(name)"
        case .written(let written):
            "  schedule_file: \(scalar(written.file))"
        }
    }
}

extension Plan.Bucket {
    fileprivate var contents: [String] {
        [
            "micro_batches: \(microBatches)",
            "sequences_per_data_rank: \(sequencesPerDataRank)",
            "recompute: \(recompute.rawValue)",
        ]
    }

    fileprivate var line: String {
        let limit = lengthMax.map { ["up_to: \($0)"] } ?? []
        let keys = limit + ["tensor_parallel: \(tensorParallel)"] + contents
        return "    - { \(keys.joined(separator: ", ")) }"
    }
}

extension Routing {
    fileprivate var lines: [String] {
        var lines = [
            "routing:",
            "  gate: \(gate.rawValue)",
            "  noise_std: \(plain(noiseStandardDeviation))",
            "  capacity: \(capacity.rawValue)",
            "  capacity_factor: \(plain(capacityFactor))",
        ]
        if !overflow.isEmpty { lines.append("  overflow: \(list(overflow.map(\.rawValue)))") }
        lines.append("  balance_loss: \(plain(balanceLoss))")
        if imbalance != 1 { lines.append("  imbalance: \(plain(imbalance))") }
        return lines
    }
}

extension Claim {
    fileprivate var line: String {
        let value =
            switch value {
            case .number(let number): plain(number)
            case .range(let low, let high): list([plain(low), plain(high)])
            case .truth(let truth): "\(truth)"
            case .text(let text): quoted(text)
            }
        let length = sequenceLength.map { ", at: \($0)" } ?? ""
        let sums = [("formula", formula), ("terms", terms)].map { key, text in
            text.map { ", \(key): \(quoted($0))" } ?? ""
        }
        return "  - { id: \(scalar(id)), quantity: \(scalar(quantity)), value: \(value)\(length)"
            + "\(sums.joined()) }"
    }
}

extension RunSettings {
    fileprivate var lines: [String] {
        [
            "run:",
            "  seed: \(seed)",
            "  steps: \(steps)",
            "  learning_rate: \(plain(learningRate))",
            "  warmup_steps: \(warmupSteps)",
            "  weight_decay: \(plain(weightDecay))",
            "  gradient_clip: \(plain(gradientClip))",
            "  precision: \(precision.rawValue)",
            "  tokenizer: \(tokenizer.rawValue)",
        ] + lengthLines + [
            "  sequences_per_step: \(sequencesPerStep)"
        ] + (routing == .natural ? [] : ["  routing: \(routing.rawValue)"])
    }

    private var lengthLines: [String] {
        guard let mix else { return ["  sequence_length: \(sequenceLength)"] }
        return [
            "  sequence_lengths: \(list(mix.lengths.map(String.init)))",
            "  length_weights: \(list(mix.weights.map(plain)))",
        ]
    }
}
