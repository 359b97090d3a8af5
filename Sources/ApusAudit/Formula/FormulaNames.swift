import ApusCost
import ApusPlan

extension Quantities {
    /// What the names of a claim's formula stand for at a sequence length, in base units.
    ///
    /// Single letters are those that papers use: Korthikanti et al. 2022, table 1, with capitals as
    /// documents write them.
    func formulaValues(at length: Int) -> [String: Double] {
        var values: [String: Double] = [
            "S": Double(length), "tokens": Double(length),
            "H": Double(model.hiddenSize), "hidden": Double(model.hiddenSize),
            "L": Double(model.layerCount), "layers": Double(model.layerCount),
            "heads": Double(model.headCount), "head_dim": Double(model.headDim),
            "experts": Double(model.expertCount), "top_k": Double(model.topK),
            "expert_hidden": Double(model.expertHiddenSize),
            "vocabulary": Double(model.vocabularySize),
            "parameters": Double(model.parameterCount),
            "batch": Double(deployment.workload.sequencesPerBatch),
            "element_bytes": Double(deployment.workload.precision.elementBytes),
        ]
        if let cluster = deployment.cluster {
            values["gpus"] = Double(cluster.worldSize)
            values["nodes"] = Double(cluster.nodeCount)
            values["gpus_per_node"] = Double(cluster.gpusPerNode)
            values["memory"] = cluster.gpu.memoryGB * 1e9
            values["memory_bandwidth"] = cluster.gpu.memoryBandwidthGBPerSecond * 1e9
            let peak = cluster.gpu.peakTeraFLOPs[deployment.workload.precision]
            values["peak"] = peak.map { $0 * 1e12 }
        }
        guard let plan = deployment.plan else { return values }
        values["stages"] = Double(plan.degrees.pipeline)
        values["data"] = Double(plan.degrees.data)
        values["tensor"] = Double(plan.degrees.tensor)
        values["expert"] = Double(plan.degrees.expert)
        values["layers_per_stage"] = Double(model.layerCount) / Double(plan.degrees.pipeline)
        if let bucket = plan.bucket(forLength: length) {
            values["B"] = Double(bucket.sequencesPerDataRank)
            values["sequences"] = Double(bucket.sequencesPerDataRank)
            values["micro_batches"] = Double(bucket.microBatches)
        }
        return values
    }
}

extension Quantity {
    /// How many base units one unit of the quantity has.
    var baseUnits: Double {
        switch self {
        case .parameterMemory, .gradientMemory, .optimizerMemory, .activationMemory, .totalMemory,
            .expertGroupBandwidth:
            1e9
        case .tokensPerMillisecond, .tokensCeiling: 1e3
        default: 1
        }
    }
}
