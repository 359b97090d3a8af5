import ApusBase
import ApusPlan

/// What a GPU keeps up in a training step, as shares of what single kernels reach on their own.
///
/// A kernel that is timed alone runs on a cool chip at its highest clock, with its operands in the
/// cache. In a step the clock falls with the power that products draw, and collectives wait for the
/// last rank. These are all constants per GPU; each was fitted to the source named, and
/// `apus validate` shows what they give.
struct SustainedRates: Hashable, Sendable {
    var products: Double
    var expertProducts: Double
    var attention: Double
    /// Of the memory's bandwidth in element-wise kernels.
    var memory: Double
    var collectives: Double

    static func of(_ gpu: GPU) -> SustainedRates {
        let name = gpu.name
        if name.hasPrefix("a100") { return a100 }
        if name.hasPrefix("b200") || name.hasPrefix("b300") { return b200 }
        if name.hasPrefix("gb") { return gb200 }
        return h100
    }

    /// Fitted to Korthikanti et al. 2022, table 5.
    private static let a100 = SustainedRates(
        products: 1, expertProducts: 1, attention: 1, memory: 0.96, collectives: 0.58)

    /// Fitted to published runs on eight B200, MooreThreads/SimuMax@4dcaae5.
    private static let b200 = SustainedRates(
        products: 0.775, expertProducts: 0.775, attention: 1, memory: 0.48, collectives: 0.48)

    private static let gb200 = SustainedRates(
        products: 0.775, expertProducts: 0.775, attention: 1, memory: 0.48, collectives: 0.48)

    /// Assumption: between the other two.
    private static let h100 = SustainedRates(
        products: 0.85, expertProducts: 0.85, attention: 1, memory: 0.7, collectives: 0.55)
}

extension KernelTime {
    /// The time at a share of the rate.
    func stretched(by share: Double) -> KernelTime {
        KernelTime((1 / share) * time, provenance)
    }
}
