import ApusPlan

/// The fitted constants of products of one type on one GPU, as generated text.
struct MeasuredProducts {
    var constants: String
    var corrections: String
    var coverage: String
    var unaligned: String
    /// Whether products of this very type were measured, not only of another.
    var isOfType: Bool

    init(_ gpu: MeasuredGPU, _ precision: Precision) {
        let isNarrow = precision == .fp8 && gpu != .a100
        isOfType = isNarrow || precision == .bf16 || precision == .fp16
        (constants, corrections, coverage, unaligned) =
            switch (gpu, isNarrow) {
            case (.a100, _):
                (
                    Self.a100BF16Constants, Self.a100BF16Corrections, Self.a100BF16Coverage,
                    Self.a100BF16Unaligned
                )
            case (.h100, false):
                (
                    Self.h100BF16Constants, Self.h100BF16Corrections, Self.h100BF16Coverage,
                    Self.h100BF16Unaligned
                )
            case (.h100, true):
                (
                    Self.h100FP8Constants, Self.h100FP8Corrections, Self.h100FP8Coverage,
                    Self.h100FP8Unaligned
                )
            case (.h200, false):
                (
                    Self.h200BF16Constants, Self.h200BF16Corrections, Self.h200BF16Coverage,
                    Self.h200BF16Unaligned
                )
            case (.h200, true):
                (
                    Self.h200FP8Constants, Self.h200FP8Corrections, Self.h200FP8Coverage,
                    Self.h200FP8Unaligned
                )
            case (.b200, false):
                (
                    Self.b200BF16Constants, Self.b200BF16Corrections, Self.b200BF16Coverage,
                    Self.b200BF16Unaligned
                )
            case (.b200, true):
                (
                    Self.b200FP8Constants, Self.b200FP8Corrections, Self.b200FP8Coverage,
                    Self.b200FP8Unaligned
                )
            case (.l40s, false):
                (
                    Self.l40sBF16Constants, Self.l40sBF16Corrections, Self.l40sBF16Coverage,
                    Self.l40sBF16Unaligned
                )
            case (.l40s, true):
                (
                    Self.l40sFP8Constants, Self.l40sFP8Corrections, Self.l40sFP8Coverage,
                    Self.l40sFP8Unaligned
                )
            }
    }

    /// The highest rate in TFLOP/s that a search over shapes found on a GPU that has no curves.
    ///
    /// Source: stas00/ml-engineering@744d01e, `compute/accelerator`, maximum achievable FLOPS.
    static func rateMax(_ name: String, _ precision: Precision) -> Double? {
        let rates: [(name: String, bf16: Double, fp8: Double?)] = [
            ("gb200", 1822, 3615.6), ("b300", 1769, 3353.3), ("mi300x", 668.4, nil),
        ]
        guard let rate = rates.first(where: { name.lowercased().hasPrefix($0.name) }) else {
            return nil
        }
        return switch precision {
        case .bf16, .fp16: rate.bf16
        case .fp8: rate.fp8 ?? 2 * rate.bf16
        case .fp32, .tf32: nil
        }
    }
}
