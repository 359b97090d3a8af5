import ApusBase
import ApusCost
import ApusPlan

/// A deployment with something changed, and what its step then costs.
struct Alternative {
    let deployment: Deployment
    let step: Step
    let prediction: StepPrediction

    /// `nil` where the change leaves no sound deployment, or none with a step at that length.
    init?(
        to deployment: Deployment, at length: Int, _ change: (inout Deployment) -> Void = { _ in }
    ) {
        var changed = deployment
        change(&changed)
        guard !changed.problems().contains(where: { $0.severity == .error }),
            let step = Quantities(of: changed).step(at: length)
        else { return nil }
        self.deployment = changed
        self.step = step
        prediction = CostModel(cluster: step.cluster).predict(step)
    }

    var price: Repair.Price {
        Repair.Price(
            ranks: prediction.worldSize, stepTimeSeconds: prediction.stepTime.count,
            memoryPeakBytes: prediction.memoryPeak.count,
            tokensPerSecondPerGPU: prediction.tokensPerSecondPerGPU)
    }

    /// Whether every rank fits its GPU.
    var fits: Bool {
        prediction.memoryPeak <= step.cluster.gpu.memory
    }

    var bubble: Double { step.bubble }

    /// Time and memory in words, such as `12.1 ms a step, 3.20 GB of 64 GB`.
    var words: String {
        "\(prediction.stepTime) a step, \(prediction.memoryPeak) of "
            + "\(plain(step.cluster.gpu.memoryGB)) GB"
    }

    func repair(_ change: String) -> Repair { Repair(change: change, price: price, fits: fits) }
}

extension Step {
    /// The idle share of the whole step at equal stage costs: accumulation extends the flush.
    var bubble: Double { plan.bubbleAtEqualCosts(microBatches: microBatches) }
}

extension Deployment {
    /// Changes the bucket that holds sequences of `length` tokens.
    mutating func changeBucket(forLength length: Int, _ change: (inout Plan.Bucket) -> Void) {
        let index = plan?.bucketIndex(forLength: length)
        guard let index, var bucket = plan?.buckets[index] else { return }
        change(&bucket)
        plan?.buckets[index] = bucket
    }

    /// Gives the plan these degrees, every bucket its share of the batch, and the cluster as many
    /// nodes as they need.
    mutating func changeDegrees(to degrees: Degrees, microBatchSequences: Int? = nil) {
        guard var plan else { return }
        plan.degrees = degrees
        plan.layersPerStage = nil
        for index in plan.buckets.indices {
            plan.buckets[index].shareBatch(
                workload.sequencesPerBatch, over: degrees, sequences: microBatchSequences)
        }
        self.plan = plan
        guard var cluster, degrees.worldSize > cluster.worldSize else { return }
        cluster.nodeCount = (degrees.worldSize + cluster.gpusPerNode - 1) / cluster.gpusPerNode
        if let last = cluster.links.indices.last {
            cluster.links[last].gpuCount = max(cluster.links[last].gpuCount, cluster.worldSize)
        }
        self.cluster = cluster
    }
}

extension Plan.Bucket {
    /// Takes the share of a batch that each replica has, in micro-batches of `sequences`, or of as
    /// many as before.
    fileprivate mutating func shareBatch(_ batch: Int, over degrees: Degrees, sequences: Int?) {
        tensorParallel = degrees.tensor
        let each = sequences ?? max(1, sequencesPerDataRank / max(1, microBatches))
        let share = max(1, batch / max(1, degrees.data))
        let possible = divisors(of: share)
        // The largest micro-batch that is no larger than asked for.
        let size = possible.last { $0 <= each } ?? 1
        sequencesPerDataRank = share
        microBatches = share / size
    }
}
