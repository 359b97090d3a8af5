import ApusPlan

/// The kernels of a GPU by models that were fitted to it or to a sibling.
struct KernelModels: Sendable {
    /// By `Precision.index`.
    private let products: [ProductModel]
    private let attention: AttentionModel
    /// Attention's rate by precision, over its rate in BF16.
    private let attentionRates: [Double]

    init(gpu: GPU) {
        products = Precision.allCases.map { ProductModel(gpu: gpu, precision: $0) }
        attention = AttentionModel(gpu: gpu, rateMax: products[Precision.bf16.index].rateMax)
        attentionRates = Precision.allCases.map {
            // Training keeps attention in BF16 where products are FP8.
            $0 == .fp8 ? 1 : gpu.peak($0) / gpu.peak(.bf16)
        }
    }

    func product(m: Int, n: Int, k: Int, precision: Precision) -> KernelTime {
        products[precision.index].time(m: m, n: n, k: k)
    }

    func groupedProduct(
        rows: Int, groups: Int, n: Int, k: Int, precision: Precision, imbalance: Double = 1
    ) -> KernelTime {
        products[precision.index].time(
            rows: rows, groups: groups, n: n, k: k, imbalance: imbalance)
    }

    func attention(_ shape: AttentionShape, precision: Precision) -> KernelTime {
        attention.time(
            shape, elementSize: Double(precision.elementBytes),
            rateRatio: attentionRates[precision.index])
    }
}

extension Precision {
    /// The place among all cases.
    var index: Int {
        switch self {
        case .fp32: 0
        case .tf32: 1
        case .fp16: 2
        case .bf16: 3
        case .fp8: 4
        }
    }
}
