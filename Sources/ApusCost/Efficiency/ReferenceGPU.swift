import ApusPlan

/// A GPU whose kernels were measured one by one.
enum MeasuredGPU: Hashable, Sendable {
    case a100, h100, h200, b200, l40s

    /// Streaming multiprocessors.
    ///
    /// Source: NVIDIA's architecture white papers.
    var processors: Double {
        switch self {
        case .a100: 108
        case .h100, .h200: 132
        case .b200: 148
        case .l40s: 142
        }
    }

    /// How fast backward attention runs next to forward attention, in FLOP/s.
    ///
    /// Assumption: read from the plots for heads of 128. Sources: Dao 2023, "FlashAttention-2",
    /// figures 4 to 6 (A100); Shah et al. 2024, "FlashAttention-3", figures 5 and 6 (H100);
    /// NVIDIA's cuDNN benchmarks (B200).
    var backwardAttentionRate: Double {
        switch self {
        case .a100: 0.87
        case .h100, .h200: 0.8
        case .b200: 0.76
        case .l40s: 0.85
        }
    }
}

/// The measured GPU whose curves stand for a GPU, and how good a stand-in it is.
struct ReferenceGPU {
    var measured: MeasuredGPU
    /// The best that can be said of a time taken from these curves.
    var provenance: Provenance

    init(_ gpu: GPU) {
        let name = gpu.name.lowercased()
        let names: [(prefix: String, measured: MeasuredGPU, provenance: Provenance)] = [
            ("a100-80", .a100, .measured), ("a100", .a100, .interpolated),
            ("h100", .h100, .measured), ("h800", .h100, .interpolated),
            ("h200", .h200, .measured), ("b200", .b200, .measured),
            ("gb200", .b200, .interpolated), ("b300", .b200, .interpolated),
            ("gb300", .b200, .interpolated), ("l40s", .l40s, .measured),
        ]
        if let known = names.first(where: { name.hasPrefix($0.prefix) }) {
            (measured, provenance) = (known.measured, known.provenance)
        } else {
            // Assumption: an unknown GPU reaches the same share of its peak as the measured one of
            // its class; the share falls as peaks rise.
            let peak = gpu.peak(.bf16)
            (measured, provenance) = (peak < 500 ? .a100 : peak < 1800 ? .h100 : .b200, .roofline)
        }
    }
}

extension GPU {
    /// The peak rate in TFLOP/s of products in `precision`, or in the next wider type it has.
    func peak(_ precision: Precision) -> Double {
        let order: [Precision] =
            switch precision {
            case .fp8: [.fp8, .bf16, .fp16, .tf32, .fp32]
            case .bf16: [.bf16, .fp16, .tf32, .fp32, .fp8]
            case .fp16: [.fp16, .bf16, .tf32, .fp32, .fp8]
            case .tf32: [.tf32, .fp32, .bf16, .fp16, .fp8]
            case .fp32: [.fp32, .tf32, .bf16, .fp16, .fp8]
            }
        return order.lazy.compactMap { peakTeraFLOPs[$0] }.first { $0 > 0 } ?? 1
    }
}
