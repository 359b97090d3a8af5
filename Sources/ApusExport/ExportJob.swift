import ApusPlan

/// One configuration of a framework: a bucket of the plan, with the numbers that targets share.
struct ExportJob: Hashable, Sendable {
    var model: Model
    var workload: Workload
    var routing: Routing
    var run: RunSettings
    var plan: Plan
    var bucket: Plan.Bucket
    /// The key path of the bucket: an entry of `plan.by_sequence_length`, or `plan`.
    var bucketPath: String
    var sequenceLength: Int
    var nodeCount: Int
    var gpusPerNode: Int
    /// Whether the deployment names no cluster, so that the nodes are a guess.
    var isClusterAssumed: Bool
    /// The processor cores that all ranks share, where these are no GPUs.
    var cores: Int?
    /// The domain of the vendor of the GPUs, as Kubernetes' device plugins spell it.
    var gpuVendor: String

    init(_ request: ExportRequest, bucketIndex: Int, sequenceLength: Int) {
        model = request.deployment.model
        workload = request.deployment.workload
        routing = request.deployment.routing
        run = request.deployment.run
        plan = request.plan
        bucket = request.plan.buckets[bucketIndex]
        bucketPath = request.positions.path(ofBucket: bucketIndex, in: request.plan)
        self.sequenceLength = sequenceLength
        let worldSize = request.plan.degrees.worldSize
        if let cluster = request.deployment.cluster {
            nodeCount = cluster.nodeCount
            gpusPerNode = cluster.gpusPerNode
        } else {
            // Assumption: nodes of 8 GPUs, or as many of them as fill all nodes.
            gpusPerNode = (1...8).last { worldSize.isMultiple(of: $0) } ?? 1
            nodeCount = worldSize / gpusPerNode
        }
        isClusterAssumed = request.deployment.cluster == nil
        cores = request.deployment.cluster?.cores
        let gpu = request.deployment.cluster?.gpu.name.lowercased() ?? ""
        gpuVendor = gpu.hasPrefix("mi") ? "amd.com" : "nvidia.com"
    }

    var usesProcessors: Bool { cores != nil }

    /// The degrees of the bucket: its extra tensor degree is carved out of the data axis.
    var degrees: Degrees { plan.degrees.carving(tensor: bucket.tensorParallel) }

    var microBatchesPerFlush: Int { bucket.microBatchesPerFlush }

    /// Sequences of one micro-batch of one batch replica.
    var microBatchSize: Int { bucket.sequencesPerDataRank / microBatchesPerFlush }

    var sequencesPerFlush: Int { bucket.sequencesPerDataRank * degrees.data }

    /// How many times the bucket's sequences make up the global batch, rounded up.
    var accumulation: Int {
        (workload.sequencesPerBatch + sequencesPerFlush - 1) / sequencesPerFlush
    }

    /// Sequences of one optimizer step: accumulation extends the flush.
    var globalBatchSize: Int { sequencesPerFlush * accumulation }

    /// Micro-batches of one optimizer step on one pipeline.
    var microBatches: Int { microBatchesPerFlush * accumulation }

    /// The layers of each stage, in the order of the model: chunks of a rank are stages of their
    /// own.
    var stageLayers: [Int] {
        plan.layersPerStage
            ?? evenSplit(model.layerCount, into: plan.degrees.pipeline * plan.chunks)
    }

    /// The layers of each rank of a pipeline, for schedules in which chunks change nothing.
    var rankLayers: [Int] {
        let ranks = plan.degrees.pipeline
        guard let layers = plan.layersPerStage else {
            return evenSplit(model.layerCount, into: ranks)
        }
        guard layers.count > ranks, layers.count.isMultiple(of: ranks) else { return layers }
        let chunks = layers.count / ranks
        return (0..<ranks).map { rank in
            layers[(rank * chunks)..<((rank + 1) * chunks)].reduce(0, +)
        }
    }

    var areStagesEven: Bool { Set(stageLayers).count <= 1 }

    /// What the job is for, such as `4096 tokens on 4 × 4 GPUs`.
    var summary: String {
        "sequences of \(sequenceLength) tokens on \(nodeCount) × \(gpusPerNode) GPUs"
    }
}
