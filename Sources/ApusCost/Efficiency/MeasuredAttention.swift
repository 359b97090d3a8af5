/// The fitted constants of attention on one GPU, as generated text.
struct MeasuredAttention {
    var constants: String
    var corrections: String

    init(_ gpu: MeasuredGPU) {
        (constants, corrections) =
            switch gpu {
            case .a100: (Self.a100Constants, Self.a100Corrections)
            case .h100: (Self.h100Constants, Self.h100Corrections)
            case .h200: (Self.h200Constants, Self.h200Corrections)
            case .b200: (Self.b200Constants, Self.b200Corrections)
            case .l40s: (Self.l40sConstants, Self.l40sCorrections)
            }
    }
}
