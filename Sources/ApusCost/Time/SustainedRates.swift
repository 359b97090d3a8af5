import ApusBase
import ApusPlan

/// What a GPU keeps up in a training step, as shares of what single kernels reach on their own.
///
/// A kernel that is timed alone runs on a cool chip at its highest clock, with its operands in the
/// cache. In a step the clock falls with the power that products draw, and collectives wait for the
/// last rank. These are all constants per GPU; each was fitted to the source named, and
/// `apus validate` shows what they give.
struct SustainedRates: Hashable, Sendable {
    /// Of dense products in 16 bits and more.
    var products: Double
    /// Of dense products in FP8.
    ///
    /// The kernels measured alone are those of serving frameworks, with a scale for each block;
    /// training's have one for each tensor and may be faster.
    var productsFP8: Double
    /// Of the memory's bandwidth in element-wise kernels.
    var memory: Double
    /// Of collectives of eight ranks inside a node.
    var collectives: Double

    func products(in precision: Precision) -> Double {
        precision == .fp8 ? productsFP8 : products
    }

    /// What was measured on the cluster in steady repetition, or in steps, is what it keeps up.
    static func of(_ cluster: Cluster, measured kernels: Kernels) -> SustainedRates {
        var rates = of(cluster.gpu)
        if Precision.allCases.contains(where: kernels.hasMeasuredProducts) {
            rates.products = 1
            rates.productsFP8 = 1
        }
        if kernels.hasMeasuredMoves { rates.memory = 1 }
        // Ranks that share a processor's cores waited for each other when they were measured.
        let isKnown = ReferenceGPU(cluster.gpu).provenance > .roofline
        if !isKnown, cluster.calibration?.collectives.isEmpty == false { rates.collectives = 1 }
        return rates
    }

    static func of(_ gpu: GPU) -> SustainedRates {
        let name = gpu.name.lowercased()
        if name.hasPrefix("a100") { return a100 }
        if name.hasPrefix("b200") || name.hasPrefix("b300") { return b200 }
        if name.hasPrefix("gb300") { return gb300 }
        if name.hasPrefix("gb200") { return gb200 }
        if ["h100", "h200", "h800"].contains(where: name.hasPrefix) { return h100 }
        return typical
    }

    /// Assumption: GPUs without published steps keep up what the others do on average.
    private static let typical = SustainedRates(
        products: 0.85, productsFP8: 1, memory: 0.6, collectives: 0.55)

    /// Fitted to published runs on A100 (Korthikanti 2022, table 5).
    private static let a100 = SustainedRates(
        products: 1, productsFP8: 1, memory: 0.96, collectives: 0.66)

    /// Fitted to published runs on eight B200, MooreThreads/SimuMax@4dcaae5, and in FP8 to NVIDIA's
    /// Megatron-Bridge pages.
    private static let b200 = SustainedRates(
        products: 0.75, productsFP8: 0.95, memory: 0.48, collectives: 0.45)

    /// Fitted to NVIDIA's Megatron-Bridge pages, containers 25.09 to 26.08, as the two below.
    private static let gb200 = SustainedRates(
        products: 0.8, productsFP8: 1.15, memory: 0.48, collectives: 0.48)

    private static let gb300 = SustainedRates(
        products: 0.85, productsFP8: 1.4, memory: 0.5, collectives: 0.5)

    private static let h100 = SustainedRates(
        products: 0.82, productsFP8: 1.15, memory: 0.5, collectives: 0.55)
}

extension KernelTime {
    /// The time at a share of the rate.
    func stretched(by share: Double) -> KernelTime {
        KernelTime((1 / share) * time, provenance)
    }
}
