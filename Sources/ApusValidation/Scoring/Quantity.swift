/// What a row measured, as far as the cost model predicts it.
enum Quantity: Hashable {
    /// The time of a step, or a rate or a cost that is one over it or a multiple of it.
    case time(TimeScale)
    case memory(MemoryScope)
    /// The first stage's activations as a share of what tensor parallelism alone leaves.
    case activationShare
    /// One transformer layer's time for one micro-batch, in milliseconds.
    case layer(Pass)
    /// The feed-forward part of one layer with experts, routing included, in milliseconds.
    case expertLayer(Pass)

    /// How a number is turned into the seconds of one step.
    enum TimeScale: Hashable {
        case seconds, milliseconds
        case tokensPerSecondPerGPU
        case teraFLOPsPerGPU
        /// Utilization of the peak rate, in percent.
        case utilization
        case gpuHours(tokens: Double)
        case days(tokens: Double)
    }

    /// Which bytes of which rank.
    enum MemoryScope: Hashable {
        /// The fullest rank's allocations at their peak.
        case allocated
        case allocatedOnLastStage
        case reserved
        /// Weights, gradients and optimizer of the last stage.
        case steadyOnLastStage
        /// The first stage's activations.
        case activations
        /// Weights, gradients and optimizer of the first stage.
        case states
    }

    enum Pass: Hashable { case forward, backward, both }

    init(_ row: MeasuredRow) throws(Unscored) {
        switch row.quantity {
        case "step_time":
            self = .time(row[.unit].lowercased().hasPrefix("ms") ? .milliseconds : .seconds)
        case "tokens_per_s_per_gpu": self = .time(.tokensPerSecondPerGPU)
        case "tflops_per_gpu": self = .time(.teraFLOPsPerGPU)
        case "mfu", "hfu": self = .time(.utilization)
        case "gpu_hours_per_1T_tokens": self = .time(.gpuHours(tokens: 1e12))
        case "train_days_300B_tokens": self = .time(.days(tokens: 300e9))
        case "peak_mem_allocated": self = .memory(.allocated)
        case "peak_mem_allocated_last_stage", "peak_mem_allocated_last_rank":
            self = .memory(.allocatedOnLastStage)
        case "peak_mem_reserved": self = .memory(.reserved)
        case "steady_mem_allocated_last_rank": self = .memory(.steadyOnLastStage)
        case "mem_activations": self = .memory(.activations)
        case "mem_params_optimizer": self = .memory(.states)
        case "activation_mem_pct_of_tp_baseline": self = .activationShare
        case "layer_fwd_time": self = .layer(.forward)
        case "layer_bwd_time": self = .layer(.backward)
        case "layer_fwd_bwd_time": self = .layer(.both)
        case "moe_layer_fwd_time": self = .expertLayer(.forward)
        case "moe_layer_bwd_time": self = .expertLayer(.backward)
        default: throw Unscored("`\(row.quantity.prefix(60))` is not predicted")
        }
    }

    var isMemory: Bool {
        switch self {
        case .memory, .activationShare: true
        case .time, .layer, .expertLayer: false
        }
    }
}
