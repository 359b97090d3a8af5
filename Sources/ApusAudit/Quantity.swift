/// A quantity that a claim may speak of, named as a deployment file names it.
///
/// Each has one definition, which `Quantities` computes: the audit, the reports and whoever else
/// prints it take it from there.
package enum Quantity: String, Hashable, Sendable, CaseIterable {
    case parameters
    case activeParameters = "parameters.active"
    case attentionParameters = "parameters.attention"
    case expertParameters = "parameters.experts"
    case routerParameters = "parameters.router"
    case embeddingParameters = "parameters.embedding"
    case normParameters = "parameters.norms"

    case flopsPerToken = "flops_per_token"
    case attentionFLOPs = "flops_per_token.attention"
    case expertFLOPs = "flops_per_token.experts"
    case headFLOPs = "flops_per_token.head"

    case gpus
    case pipelineDegree = "plan.pipeline_parallel"
    case dataDegree = "plan.data_parallel"
    case contextDegree = "plan.context_parallel"
    case tensorDegree = "plan.tensor_parallel"
    case expertDegree = "plan.expert_parallel"
    case expertsPerGPU = "experts_per_gpu_per_layer"
    case expertModules = "expert_modules"
    case sequencesPerFlush = "sequences_per_flush"
    case pipelineBubble = "pipeline_bubble"
    case launchCommand = "launch_command"

    case parameterMemory = "memory.parameters_gb"
    case gradientMemory = "memory.gradients_gb"
    case optimizerMemory = "memory.optimizer_gb"
    case activationMemory = "memory.activations_gb"
    case totalMemory = "memory.total_gb"
    case fits = "memory.fits"
    case recomputationSaving = "memory.activation_saving_of_recompute"

    case allToAllBytes = "bytes.all_to_all_per_layer"
    case pointToPointBytes = "bytes.p2p_per_micro_batch"
    case dataParallelBytes = "bytes.data_parallel_per_step"
    case expertGroupBandwidth = "bandwidth.expert_group_gb_per_s"
    case communicationOverhead = "communication_overhead"

    case stepTime = "step_time_s"
    case tokensPerMillisecond = "tokens_per_ms_per_gpu"
    case tokensCeiling = "tokens_per_ms_per_gpu.ceiling"
    case timeToFirstToken = "ttft_s"
    case gpuUtilization = "gpu_utilization"

    case assignmentsKept = "routing.assignments_kept_balanced"
    case expertLoadVariation = "expert_load_cv"
    case stageTimeVariation = "stage_time_variance"
}
