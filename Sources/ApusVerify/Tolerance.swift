/// The limits of `docs/equivalence.md`: how far a layout may be from one rank, in FP32.
package struct Tolerance: Hashable, Sendable {
    package var loss: Double
    package var gradients: Double
    package var parameters: Double
    package var norm: Double

    /// Data, pipeline and expert parallelism, accumulation, schedules and recomputation.
    package static let whole = Tolerance(
        loss: 1e-6, gradients: 1e-5, parameters: 1e-5, norm: 1e-6)
    /// Where heads are computed in slices, whose shares are added.
    package static let sliced = Tolerance(
        loss: 1e-5, gradients: 1e-4, parameters: 1e-4, norm: 1e-6)

    package init(tensorParallel: Int) {
        self = tensorParallel > 1 ? .sliced : .whole
    }

    private init(loss: Double, gradients: Double, parameters: Double, norm: Double) {
        self.loss = loss
        self.gradients = gradients
        self.parameters = parameters
        self.norm = norm
    }

    /// How far a router has to be from a tie, for rounding to decide nothing.
    package static let tieDistance = 1e-5
}
