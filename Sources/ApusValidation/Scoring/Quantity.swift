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
        /// Of the whole job.
        case tokensPerSecond
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
        let found =
            Self.time(row) ?? Self.memory(row.quantity) ?? Self.layer(row.quantity)
            ?? Self.cost(row.quantity)
        guard let found else {
            throw Unscored("`\(row.quantity.prefix(60))` is not predicted")
        }
        self = found
    }

    private static func time(_ row: MeasuredRow) -> Quantity? {
        switch row.quantity {
        case "step_time":
            .time(row[.unit].lowercased().hasPrefix("ms") ? .milliseconds : .seconds)
        case "tokens_per_s_per_gpu": .time(.tokensPerSecondPerGPU)
        case "tokens_per_s": .time(.tokensPerSecond)
        case "tflops_per_gpu": .time(.teraFLOPsPerGPU)
        case "mfu", "hfu": .time(.utilization)
        default: nil
        }
    }

    private static func memory(_ name: String) -> Quantity? {
        switch name {
        case "peak_mem_allocated": .memory(.allocated)
        case "peak_mem_allocated_last_stage", "peak_mem_allocated_last_rank":
            .memory(.allocatedOnLastStage)
        case "peak_mem_reserved": .memory(.reserved)
        case "steady_mem_allocated_last_rank": .memory(.steadyOnLastStage)
        case "mem_activations": .memory(.activations)
        case "mem_params_optimizer": .memory(.states)
        case "activation_mem_pct_of_tp_baseline": .activationShare
        default: nil
        }
    }

    private static func layer(_ name: String) -> Quantity? {
        switch name {
        case "layer_fwd_time": .layer(.forward)
        case "layer_bwd_time": .layer(.backward)
        case "layer_fwd_bwd_time": .layer(.both)
        case "moe_layer_fwd_time": .expertLayer(.forward)
        case "moe_layer_bwd_time": .expertLayer(.backward)
        default: nil
        }
    }

    /// A cost of so many tokens, such as `gpu_hours_per_1T_tokens` or `train_days_300B_tokens`.
    private static func cost(_ name: String) -> Quantity? {
        guard let match = name.wholeMatch(of: /(.*?)_(?:per_)?([0-9.]+)([BT])(?:_tokens)?/),
            let count = number(String(match.2)), count > 0, count < 1e6
        else { return nil }
        let tokens = count * (match.3 == "T" ? 1e12 : 1e9)
        if match.1.hasSuffix("gpu_hours") { return .time(.gpuHours(tokens: tokens)) }
        return match.1.hasSuffix("days") ? .time(.days(tokens: tokens)) : nil
    }

    var isMemory: Bool {
        switch self {
        case .memory, .activationShare: true
        case .time, .layer, .expertLayer: false
        }
    }
}
