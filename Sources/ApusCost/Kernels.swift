import ApusBase
package import ApusPlan

/// The time of single kernels on one GPU, as functions of their shapes.
///
/// The curves are fitted to measurements where the GPU or a sibling of it was measured; elsewhere
/// a typical GPU's shares of the peak rate and of the memory's bandwidth stand in.
package struct Kernels: Sendable {
    /// By `Precision`, in the order of its cases.
    private let products: [ProductModel]
    private let attentionModel: AttentionModel
    /// Attention's rate by precision, over its rate in BF16.
    private let attentionRates: [Double]
    private let bytesPerSecond: Double

    package init(gpu: GPU) {
        products = Precision.allCases.map { ProductModel(gpu: gpu, precision: $0) }
        attentionModel = AttentionModel(
            gpu: gpu, rateMax: products[Precision.bf16.index].rateMax)
        attentionRates = Precision.allCases.map {
            // Training keeps attention in BF16 where products are FP8.
            $0 == .fp8 ? 1 : gpu.peak($0) / gpu.peak(.bf16)
        }
        bytesPerSecond = max(1, gpu.memoryBandwidthGBPerSecond * 1e9)
    }

    /// The time of a dense product `[m, k] · [k, n]`.
    package func product(m: Int, n: Int, k: Int, precision: Precision) -> KernelTime {
        products[precision.index].time(m: m, n: n, k: k)
    }

    /// The time of one product per expert, in one kernel: `rows` over all `groups`, each with its
    /// own `[k, n]`.
    ///
    /// `imbalance` is the fullest group's rows over the mean.
    package func groupedProduct(
        rows: Int, groups: Int, n: Int, k: Int, precision: Precision, imbalance: Double = 1
    ) -> KernelTime {
        products[precision.index].time(
            rows: rows, groups: groups, n: n, k: k, imbalance: imbalance)
    }

    /// The time of fused attention; a causal query sees the keys up to its own place, the last
    /// query all of them.
    package func attention(
        sequences: Int, queryLength: Int, keyLength: Int, heads: Int, keyValueHeads: Int,
        headDim: Int, valueHeadDim: Int, isCausal: Bool, precision: Precision, pass: Pass
    ) -> KernelTime {
        let shape = AttentionShape(
            sequences: sequences, queryLength: queryLength, keyLength: keyLength, heads: heads,
            keyValueHeads: keyValueHeads, headDim: headDim, valueHeadDim: valueHeadDim,
            isCausal: isCausal, pass: pass)
        let elementSize = Double(precision.elementBytes)
        return attentionModel.time(
            shape, elementSize: elementSize, rateRatio: attentionRates[precision.index])
    }

    /// The time of a kernel that only moves `bytes`, read and written together.
    ///
    /// Assumption: 85 % of the bandwidth, what copies reach on all recent GPUs, and 3 µs that a
    /// kernel takes at least.
    package func elementwise(bytes: Double) -> KernelTime {
        KernelTime(Seconds(3e-6 + max(0, bytes) / (0.85 * bytesPerSecond)), .roofline)
    }
}

extension Precision {
    /// The place among all cases.
    fileprivate var index: Int {
        switch self {
        case .fp32: 0
        case .tf32: 1
        case .fp16: 2
        case .bf16: 3
        case .fp8: 4
        }
    }
}
