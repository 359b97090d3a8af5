import ApusPlan

extension Precision {
    /// The type in which weights, activations and messages are kept.
    ///
    /// Products in FP8 cast their operands from BF16, and the cost model counts them so.
    var kept: Precision {
        switch self {
        case .fp8: .bf16
        case .fp32, .tf32, .fp16, .bf16: self
        }
    }

    /// Bytes of one number of a weight, an activation or a message.
    var elementBytes: Int { kept.byteCount }
}
