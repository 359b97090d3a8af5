/// What the ranks of a job held, gathered by global name.
struct Outcome: Hashable, Sendable {
    /// Of each step.
    var losses: [Double] = []
    /// Of each step, one row per rank.
    var gradientNorms: [[Double]] = []
    /// After the first step.
    var gradients: [String: [Float]] = [:]
    /// After the last step.
    var parameters: [String: [Float]] = [:]
    /// Weights of which two ranks hold copies that differ.
    var differingCopies: Set<String> = []

    /// Adds what another rank held.
    mutating func merge(_ other: Outcome) {
        losses = other.losses
        gradientNorms += other.gradientNorms
        for (name, values) in other.gradients {
            if let copy = gradients.updateValue(values, forKey: name), copy != values {
                differingCopies.insert(name)
            }
        }
        for (name, values) in other.parameters {
            if let copy = parameters.updateValue(values, forKey: name), copy != values {
                differingCopies.insert(name)
            }
        }
    }
}

/// The length of the difference of two tensors, divided by the length of the expected one.
func relativeDistance(_ values: [Float]?, from expected: [Float]?) -> Double {
    guard let values, let expected, values.count == expected.count else { return .infinity }
    var difference = 0.0
    var size = 0.0
    for (value, reference) in zip(values, expected) {
        let (value, reference) = (Double(value), Double(reference))
        difference += (value - reference) * (value - reference)
        size += reference * reference
    }
    // A number that is none is at no distance from anything.
    guard difference.isFinite, size.isFinite else { return .infinity }
    return size == 0 ? difference.squareRoot() : (difference / size).squareRoot()
}

/// The greatest relative difference of two lists of numbers.
func relativeDistance(_ values: [Double], from expected: [Double]) -> Double {
    guard values.count == expected.count else { return .infinity }
    let distances = zip(values, expected).map { value, reference in
        let distance = abs(value / reference - 1)
        return distance.isFinite ? distance : .infinity
    }
    return distances.max() ?? 0
}
