extension Quantity {
    /// What the value of a claim about the quantity must be.
    package enum Kind: Hashable, Sendable {
        case number, truth, text
    }

    package var kind: Kind {
        if self == .fits { return .truth }
        return self == .launchCommand ? .text : .number
    }

    /// The unit in which a file and a report give the value, or `nil` where it is no number.
    package var unit: String? {
        switch self {
        case .parameters, .activeParameters, .attentionParameters, .expertParameters,
            .routerParameters, .embeddingParameters, .normParameters:
            "parameters"
        case .flopsPerToken, .attentionFLOPs, .expertFLOPs, .headFLOPs: "FLOPs/token"
        case .gpus: "GPUs"
        case .pipelineDegree, .dataDegree, .contextDegree, .tensorDegree, .expertDegree: "ranks"
        case .expertsPerGPU: "experts"
        case .expertModules: "modules"
        case .sequencesPerFlush: "sequences"
        case .parameterMemory, .gradientMemory, .optimizerMemory, .activationMemory,
            .totalMemory:
            "GB"
        case .allToAllBytes, .pointToPointBytes, .dataParallelBytes: "bytes"
        case .expertGroupBandwidth: "GB/s"
        case .stepTime, .timeToFirstToken: "s"
        case .tokensPerMillisecond, .tokensCeiling: "tokens/ms/GPU"
        case .pipelineBubble, .recomputationSaving, .communicationOverhead, .gpuUtilization,
            .assignmentsKept:
            "share"
        case .expertLoadVariation, .stageTimeVariation: "σ/µ"
        case .fits, .launchCommand: nil
        }
    }

    /// Whether the value differs from one sequence length to another.
    package var dependsOnLength: Bool {
        switch self {
        case .parameters, .activeParameters, .attentionParameters, .expertParameters,
            .routerParameters, .embeddingParameters, .normParameters, .headFLOPs, .gpus,
            .pipelineDegree, .contextDegree, .expertDegree, .expertsPerGPU, .expertModules,
            .launchCommand, .expertGroupBandwidth, .assignmentsKept, .parameterMemory,
            .gradientMemory, .optimizerMemory, .dataParallelBytes, .expertFLOPs:
            false
        case .flopsPerToken, .attentionFLOPs, .dataDegree, .tensorDegree, .sequencesPerFlush,
            .pipelineBubble, .activationMemory, .totalMemory, .fits, .recomputationSaving,
            .allToAllBytes, .pointToPointBytes, .communicationOverhead, .stepTime,
            .tokensPerMillisecond, .tokensCeiling, .timeToFirstToken, .gpuUtilization,
            .expertLoadVariation, .stageTimeVariation:
            true
        }
    }
}
