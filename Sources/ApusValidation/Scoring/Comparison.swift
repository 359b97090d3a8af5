package import ApusCost

/// A prediction beside the measurement.
package struct Comparison: Hashable, Sendable {
    /// Both in the row's own unit.
    package var predicted: Double
    package var measured: Double
    /// How far the prediction lies above the measurement, as a share of it.
    ///
    /// Rates count as the step time that they stand for, so that a positive error is always too
    /// slow or too much.
    package var error: Double
    /// What was filled in because the source does not say; empty where all was published.
    package var assumptions: [String] = []
    /// What the predicted step is made of, where the quantity is a step's time.
    package var breakdown: StepBreakdown?

    /// A comparison of a quantity that is no rate.
    init(predicted: Double, measured: Double) throws(Unscored) {
        try self.init(
            predicted: predicted, measured: measured, error: predicted / measured - 1)
    }

    /// The comparison of a time, or of a rate that shrinks as the time grows.
    ///
    /// `ratio` is the measured time over the predicted one.
    init(ratio: Double, measured: Double, isRate: Bool) throws(Unscored) {
        try self.init(
            predicted: isRate ? measured * ratio : measured / ratio, measured: measured,
            error: 1 / ratio - 1)
    }

    private init(predicted: Double, measured: Double, error: Double) throws(Unscored) {
        guard predicted.isFinite, error.isFinite else {
            throw Unscored("the prediction is no finite number")
        }
        (self.predicted, self.measured, self.error) = (predicted, measured, error)
    }
}
