import ApusBase
import ApusPlan
import ApusReport

/// The name of a file without folders and ending, as the title of its report.
func fileTitle(_ path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.split(separator: ".").first.map(String.init) ?? name
}

/// What a report says of a deployment in words.
struct DeploymentFacts {
    let deployment: Deployment

    /// The deployment in one line.
    var summary: String {
        var parts: [String] = []
        if let plan = deployment.plan {
            parts.append("\(grouped(plan.degrees.worldSize)) ranks as \(plan.degrees.layout)")
            parts.append(plan.schedule.name)
        }
        if let cluster = deployment.cluster {
            parts.append("\(grouped(cluster.worldSize)) × \(cluster.gpu.name)")
        }
        parts.append("\(grouped(deployment.model.parameterCount)) parameters")
        return parts.joined(separator: " · ")
    }

    var groups: [FactGroup] { [planFacts, clusterFacts, modelFacts].compactMap(\.self) }

    private var planFacts: FactGroup? {
        guard let plan = deployment.plan else { return nil }
        var facts = [
            ("degrees", plan.degrees.layout), ("schedule", plan.schedule.name),
            ("ZeRO stage", "\(plan.zeroStage)"), ("placement", plan.pipelinePlacement.rawValue),
        ]
        if let layers = plan.layersPerStage {
            facts.append(("layers per stage", layers.map(String.init).joined(separator: ", ")))
        }
        for bucket in plan.buckets {
            let name = bucket.lengthMax.map { "up to \(grouped($0)) tokens" } ?? "all lengths"
            let recompute = bucket.recompute == .none ? "" : ", recompute \(bucket.recompute)"
            let tensor = bucket.tensorParallel > 1 ? ", tensor \(bucket.tensorParallel)" : ""
            facts.append(
                (
                    name,
                    "\(counted(bucket.microBatchesPerFlush, "micro-batch", "micro-batches")), "
                        + "\(counted(bucket.sequencesPerDataRank, "sequence", "sequences")) a data "
                        + "rank\(tensor)\(recompute)"
                ))
        }
        return FactGroup("Plan", facts.map { (name: $0.0, value: $0.1) })
    }

    private var clusterFacts: FactGroup? {
        guard let cluster = deployment.cluster else { return nil }
        var facts = [
            (
                "GPUs",
                "\(grouped(cluster.worldSize)) × \(cluster.gpu.name) on "
                    + counted(cluster.nodeCount, "node", "nodes")
            ), ("memory", "\(significant(cluster.gpu.memoryGB)) GB each"),
        ]
        if let cores = cluster.cores {
            facts.append(("cores", "\(cores), shared by all ranks"))
        }
        for link in cluster.links {
            facts.append(
                (
                    "link \(link.level)",
                    "\(significant(link.bandwidthGBPerSecond)) GB/s, "
                        + "\(significant(link.latencyMicroseconds)) µs, joins "
                        + counted(link.gpuCount, "GPU", "GPUs")
                ))
        }
        return FactGroup("Cluster", facts.map { (name: $0.0, value: $0.1) })
    }

    private var modelFacts: FactGroup {
        let model = deployment.model
        return FactGroup(
            "Model",
            [
                ("parameters", grouped(model.parameterCount)), ("layers", "\(model.layerCount)"),
                ("hidden size", grouped(model.hiddenSize)),
                ("attention", "\(model.headCount) heads of \(model.headDim)"),
                (
                    "experts",
                    "\(model.expertCount) of \(grouped(model.expertHiddenSize)), top-\(model.topK)"
                ), ("vocabulary", grouped(model.vocabularySize)),
            ])
    }
}
