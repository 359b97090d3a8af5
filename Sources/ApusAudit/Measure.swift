package import ApusPlan

/// What Apus says about one quantity of a deployment.
package struct Measure: Hashable, Sendable {
    /// A value that the quantity cannot pass, whatever the hardware makes of the plan.
    package struct Bound: Hashable, Sendable {
        package var value: Double
        /// The formula of the bound, with its numbers.
        package var why: String
    }

    /// How far a prediction may be off: four of five measurements lie within.
    package struct Confidence: Hashable, Sendable {
        package var low: Double
        package var high: Double
    }

    /// `nil` where the deployment does not say enough.
    package var value: Claim.Value?
    /// The formula with its numbers, or what is missing.
    package var why: String
    /// The paper and section, or the definition, that the formula is from.
    package var source: String
    /// Whether only a run can tell, so that `value` is a prediction.
    package var isPredicted = false
    package var confidence: Confidence?
    package var atLeast: Bound?
    package var atMost: Bound?

    init(_ value: Claim.Value?, why: String, source: String) {
        self.value = value
        self.why = why
        self.source = source
    }

    init(_ value: Double, why: String, source: String) {
        self.init(value.isFinite ? .number(value) : nil, why: why, source: source)
    }

    init(_ count: Int, why: String, source: String) {
        self.init(Double(count), why: why, source: source)
    }

    /// A quantity that cannot be computed.
    static func unknown(_ reason: String, source: String = definition) -> Measure {
        Measure(nil as Claim.Value?, why: reason, source: source)
    }

    /// The value where it is one number.
    package var number: Double? {
        guard case .number(let number) = value else { return nil }
        return number
    }

    func predicted(within confidence: Confidence? = nil) -> Measure {
        var measure = self
        measure.isPredicted = true
        measure.confidence = confidence
        return measure
    }

    func bounded(atLeast low: Bound? = nil, atMost high: Bound? = nil) -> Measure {
        var measure = self
        measure.atLeast = low
        measure.atMost = high
        return measure
    }
}

/// The source of what follows from the meaning of the words alone.
let definition = "definition"
