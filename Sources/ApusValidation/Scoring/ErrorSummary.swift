/// How far a set of predictions lies from its measurements; every share in percent.
package struct ErrorSummary: Hashable, Sendable {
    package var count: Int
    /// The mean of the errors' magnitudes.
    package var meanMagnitude: Double
    package var medianMagnitude: Double
    package var magnitudeMax: Double
    /// The mean of the errors with their signs.
    package var bias: Double
    /// How well the predictions rank the measurements, from −1 to 1; `nil` for less than three.
    package var rankCorrelation: Double?
    /// Predictions of more than 5 % under what was measured.
    package var underpredictedCount: Int

    /// `nil` where there is nothing to sum up.
    package init?(_ comparisons: [Comparison]) {
        guard !comparisons.isEmpty else { return nil }
        let errors = comparisons.map { 100 * $0.error }
        let magnitudes = errors.map(\.magnitude).sorted()
        count = errors.count
        meanMagnitude = magnitudes.reduce(0, +) / Double(count)
        let middle = count / 2
        medianMagnitude =
            count % 2 == 1
            ? magnitudes[middle] : (magnitudes[middle - 1] + magnitudes[middle]) / 2
        magnitudeMax = magnitudes.last ?? 0
        bias = errors.reduce(0, +) / Double(count)
        rankCorrelation = ApusValidation.rankCorrelation(
            comparisons.map(\.predicted), comparisons.map(\.measured))
        underpredictedCount = errors.count { $0 < -5 }
    }
}

/// Spearman's coefficient: the correlation of two lists' ranks, ties at their mean rank.
///
/// Source: Spearman 1904, "The proof and measurement of association between two things".
func rankCorrelation(_ left: [Double], _ right: [Double]) -> Double? {
    guard left.count == right.count, left.count >= 3 else { return nil }
    return correlation(ranks(left), ranks(right))
}

private func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var result = Array(repeating: 0.0, count: values.count)
    var start = 0
    while start < order.count {
        var end = start + 1
        while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
        for place in start..<end { result[order[place]] = Double(start + end - 1) / 2 }
        start = end
    }
    return result
}

/// Pearson's coefficient, or `nil` where one of the lists is constant.
private func correlation(_ left: [Double], _ right: [Double]) -> Double? {
    let count = Double(left.count)
    let (leftMean, rightMean) = (left.reduce(0, +) / count, right.reduce(0, +) / count)
    var (product, leftSquare, rightSquare) = (0.0, 0.0, 0.0)
    for (x, y) in zip(left, right) {
        product += (x - leftMean) * (y - rightMean)
        leftSquare += (x - leftMean) * (x - leftMean)
        rightSquare += (y - rightMean) * (y - rightMean)
    }
    let scale = (leftSquare * rightSquare).squareRoot()
    return scale > 0 ? product / scale : nil
}
