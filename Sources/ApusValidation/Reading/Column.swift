/// A column of a table of measurements.
///
/// Every row names the model, the hardware, the degrees and the batch that gave one number.
package enum Column: String, Hashable, Sendable, CaseIterable {
    case id
    case sourceKey = "source_key"
    case model, layers
    case denseLayers = "dense_layers"
    case hidden, ffn, heads
    case keyValueHeads = "kv_heads"
    case headDim = "head_dim"
    case vocabulary = "vocab"
    case sequence = "seq"
    case experts
    case topK = "topk"
    case expertFFN = "moe_ffn"
    case sharedExpertFFN = "shared_expert_ffn"
    case attention = "attn"
    case gated = "gated_mlp"
    case gpu, gpus
    case gpusPerNode = "gpus_per_node"
    case interconnect
    case tensor = "tp"
    case sequenceParallel = "sp"
    case pipeline = "pp"
    case chunks = "vp"
    case expert = "ep"
    case expertTensor = "etp"
    case context = "cp"
    case data = "dp"
    case zero
    case microBatch = "mbs"
    case globalBatch = "gbs"
    case precision, recompute, framework, quantity, value, unit, notes, source, verified

    /// Columns that say nothing about the number itself; a table may lack them.
    var isOptional: Bool {
        switch self {
        case .id, .sourceKey, .interconnect, .notes, .source, .verified: true
        case .model, .layers, .denseLayers, .hidden, .ffn, .heads, .keyValueHeads, .headDim,
            .vocabulary, .sequence, .experts, .topK, .expertFFN, .sharedExpertFFN, .attention,
            .gated, .gpu, .gpus, .gpusPerNode, .tensor, .sequenceParallel, .pipeline, .chunks,
            .expert, .expertTensor, .context, .data, .zero, .microBatch, .globalBatch, .precision,
            .recompute, .framework, .quantity, .value, .unit:
            false
        }
    }

    /// What a number in the column may be, or `nil` where it holds text.
    ///
    /// The limits are those of a deployment file's keys, so that no product of two overflows; 0
    /// stands for what a model or a plan does not have.
    var limits: ClosedRange<Double>? {
        switch self {
        case .layers, .denseLayers, .chunks: 0...1024
        case .hidden: 0...65_536
        case .ffn, .expertFFN, .sharedExpertFFN: 0...262_144
        case .heads, .keyValueHeads, .headDim, .experts, .topK: 0...4096
        case .vocabulary: 0...4_194_304
        case .sequence, .microBatch, .globalBatch: 0...1_048_576
        case .gpus, .gpusPerNode, .tensor, .pipeline, .expert, .expertTensor, .context, .data:
            0...65_536
        case .gated, .sequenceParallel: 0...1
        case .zero: 0...3
        case .value: 0...1e18
        case .id, .sourceKey, .model, .attention, .gpu, .interconnect, .precision, .recompute,
            .framework, .quantity, .unit, .notes, .source, .verified:
            nil
        }
    }
}
