import ApusCost

/// What a row measured, as far as the cost model predicts it.
enum Quantity: Hashable {
    /// The time of a step, or a rate or a cost that is one over it or a multiple of it.
    case time(TimeScale)
    case memory(MemoryScope)

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

    init(_ row: MeasuredRow) throws(Unscored) {
        let unit = row[.unit].lowercased()
        switch row.quantity {
        case "step_time": self = .time(unit.hasPrefix("ms") ? .milliseconds : .seconds)
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
        default: throw Unscored("`\(row.quantity.prefix(60))` is not predicted")
        }
    }
}
