import ApusBase

/// Machines, sequences and what they multiply up to.
extension Validator {
    mutating func checkCluster(_ cluster: Cluster) {
        guard isKnown("cluster.nodes", "cluster.gpus_per_node") else { return }
        let present = boundedProduct([cluster.nodeCount, cluster.gpusPerNode])
        if present > FileSchema.ranks.upperBound {
            report(
                .worldSize, "cluster",
                "`cluster` has \(grouped(present)) GPUs, more than Apus handles",
                details: ["nodes \(cluster.nodeCount) × gpus \(cluster.gpusPerNode) = \(present)"],
                expected: "at most \(grouped(FileSchema.ranks.upperBound)) GPUs")
        }
        guard isKnown("cluster.links"), let outermost = cluster.links.last else { return }
        for (index, pair) in zip(cluster.links, cluster.links.dropFirst()).enumerated()
        where pair.1.gpuCount <= pair.0.gpuCount {
            let path = "cluster.links[\(index + 1)]"
            return report(
                .clusterLinks, path,
                "`\(path).gpus` is \(pair.1.gpuCount), not more than the level before it joins "
                    + "(\(pair.0.gpuCount))",
                expected: "links from the innermost level outwards")
        }
        if outermost.gpuCount < present {
            report(
                .clusterLinks, "cluster.links",
                "`cluster.links` joins \(grouped(outermost.gpuCount)) GPUs, `cluster` has "
                    + grouped(present),
                hint: "add the link of the outermost level, with `gpus: \(present)`")
        }
    }

    mutating func checkBuckets(_ plan: Plan, workload: Workload) {
        for (index, bucket) in plan.buckets.enumerated() {
            checkMicroBatches(bucket, path: positions.path(ofBucket: index, in: plan))
        }
        let path = "plan.by_sequence_length"
        guard isKnown(path) else { return }
        for (index, pair) in zip(plan.buckets, plan.buckets.dropFirst()).enumerated() {
            guard let length = pair.0.lengthMax, let next = pair.1.lengthMax, next <= length else {
                continue
            }
            return report(
                .sequenceLength, "\(path)[\(index + 1)].up_to",
                "`\(path)[\(index + 1)].up_to` is \(next), not above the entry before it "
                    + "(\(length))",
                expected: "entries in ascending order of `up_to`")
        }
        guard isKnown("workload.sequence_lengths"), let longest = workload.sequenceLengths.max(),
            let last = plan.buckets.last?.lengthMax, last < longest
        else { return }
        report(
            .sequenceLength, path,
            "`\(path)` ends at \(last), `workload.sequence_lengths` goes up to \(longest)",
            hint: "add an entry with `up_to: \(longest)`")
    }

    private mutating func checkMicroBatches(_ bucket: Plan.Bucket, path: String) {
        let batches = bucket.microBatches
        let sequences = bucket.sequencesPerDataRank
        guard isKnown("\(path).micro_batches", "\(path).sequences_per_data_rank") else { return }
        if batches > sequences {
            report(
                .microBatches, "\(path).micro_batches", severity: .warning,
                "`\(path).micro_batches` is \(batches), but a data rank has "
                    + "\(counted(sequences, "sequence", "sequences")): "
                    + "\(counted(sequences, "micro-batch", "micro-batches")) will run")
        } else if sequences % batches != 0 {
            report(
                .microBatches, "\(path).micro_batches",
                "`\(path).micro_batches` is \(batches), which does not divide "
                    + "`\(path).sequences_per_data_rank` (\(sequences))",
                expected: alternatives(divisors(of: sequences)))
        }
    }

    /// Refuses a deployment whose ranks together keep more bytes than fit `Int`.
    ///
    /// Counted are weight, gradient and Adam's two moments of each weight on each rank that has it,
    /// each in FP32, as if no rank had a slice of a weight.
    mutating func checkStates(_ deployment: Deployment) {
        guard unusable.isEmpty, let degrees = deployment.plan?.degrees else { return }
        let model = deployment.model
        let ends = [StoredParameter.Kind.embedding, .embedding, .norms]
            .map { Double(model.parameterCount(of: $0)) }.reduce(0, +)
        let layer = [true, false].map { isDense in
            let parameters = model.layerParameters(isDense: isDense)
            let experts = Double(model.expertCount) * Double(parameters.expert)
            return Double(parameters.total(experts: 0)) + experts / Double(degrees.expert)
        }
        let perStage = ends + Double(model.layerCount) * (layer.max() ?? 0)
        let ranks = [degrees.data, degrees.context, degrees.tensor].map(Double.init).reduce(1, *)
        guard ranks * perStage > 0x1p58 else { return }
        report(
            .countLimit, "plan",
            "the ranks of `plan` together keep more bytes than Apus can count",
            details: [
                "\(significantPower(ranks)) ranks of a stage × \(significantPower(perStage)) "
                    + "weights on one rank of each stage × 16 bytes"
            ],
            expected: "at most 4e18 bytes")
    }

    /// Refuses a deployment whose tensors have more bytes than fit `Int` together.
    ///
    /// Counted is a generous bound on what one step holds and sends: 64 bytes for each number that
    /// a token makes in each layer, and for each logit.
    mutating func checkCounts(_ deployment: Deployment) {
        guard unusable.isEmpty else { return }
        let model = deployment.model
        let latent = model.latentAttention.map { ($0.queryRank ?? 0) + $0.keyValueRank } ?? 0
        let layer =
            16 * Double(model.hiddenSize) + 8 * Double(model.queryWidth + latent)
            + Double(model.topK) * Double(2 * model.hiddenSize + 4 * model.expertHiddenSize)
            + Double(model.expertCount)
            + 4 * Double(model.sharedExpertHiddenSize + model.denseHiddenSize)
        let token = 64 * (Double(model.layerCount) * layer + 2 * Double(model.vocabularySize))
        let tokensAllowed = 0x1p62 / token
        let largest = steps(of: deployment).reduce(nil as Step?) { largest, step in
            guard let largest, largest.tokens >= step.tokens else { return step }
            return largest
        }
        guard let largest, largest.tokens > tokensAllowed else { return }
        report(
            .countLimit, largest.path,
            "a step of \(significantPower(largest.tokens)) tokens through this model has more "
                + "bytes than Apus can count",
            details: [
                "\(grouped(largest.sequences)) sequences of \(grouped(largest.length)) tokens"
            ],
            expected: "at most \(significantPower(tokensAllowed)) tokens in a step")
    }

    /// How large a step is that a section of a deployment asks for.
    private struct Step {
        var path: String
        var sequences: Int
        var length: Int

        var tokens: Double { Double(sequences) * Double(length) }
    }

    /// Every step that a deployment asks for, at its longest.
    private func steps(of deployment: Deployment) -> [Step] {
        let longest = deployment.workload.sequenceLengths.max() ?? 1
        let run = deployment.run
        var steps = [
            Step(
                path: "workload", sequences: deployment.workload.sequencesPerBatch,
                length: longest),
            Step(path: "run", sequences: run.sequencesPerStep, length: run.lengths.max() ?? 1),
        ]
        guard let plan = deployment.plan else { return steps }
        for (index, bucket) in plan.buckets.enumerated() {
            let sequences = boundedProduct([bucket.sequencesPerDataRank, plan.degrees.data])
            steps.append(
                Step(
                    path: positions.path(ofBucket: index, in: plan), sequences: sequences,
                    length: bucket.lengthMax ?? longest))
        }
        return steps
    }

    /// A number as one digit and a power of ten, such as `7e16`, rounded down.
    private func significantPower(_ value: Double) -> String {
        var digits = value
        var power = 0
        while digits >= 10 {
            digits /= 10
            power += 1
        }
        return "\(Int(digits))e\(power)"
    }
}
