import ApusPlan

import func Glibc.exp
import func Glibc.log

/// Islands as they were measured on a cluster itself, for the one model that they are of.
struct CalibratedIslands: Sendable {
    private let model: Calibration.IslandModel
    private let rows: [Calibration.Island.Key: [Calibration.Island]]

    /// `nil` where no island was measured.
    init?(_ calibration: Calibration) {
        guard let model = calibration.islandModel, !calibration.islands.isEmpty else { return nil }
        self.model = model
        rows = Dictionary(grouping: calibration.islands, by: \.key)
    }

    /// Whether the islands are those of a model whose products are of a type.
    func apply(to model: Model, in type: Precision) -> Bool {
        Calibration.IslandModel(model, type: type) == self.model
    }

    /// What sets measured times in the place of sums of kernels around `tokens`; `nil` where
    /// nothing was measured.
    ///
    /// Points of the nearest length count, and of the nearest number of experts. At a point the
    /// island takes what was measured. Between two of them the ratio of measured time to sum goes
    /// straight over the logarithm of tokens, and beyond the last one it stays.
    func correction(
        _ kind: Calibration.IslandKind, _ pass: Calibration.IslandPass, tokens: Double,
        length: Int, experts: Int? = nil, sum: (Calibration.Island) -> Double
    ) -> IslandCorrection? {
        var points = rows[Calibration.Island.Key(kind: kind, pass: pass)] ?? []
        points = nearest(points, to: length) { $0.length }
        if let experts { points = nearest(points, to: experts) { $0.experts ?? experts } }
        points.sort { $0.tokens < $1.tokens }
        guard let last = points.last else { return nil }
        let after = points.firstIndex { Double($0.tokens) >= tokens }
        guard let after, after > 0 else {
            return IslandCorrection(at: after == nil ? last : points[0], sum)
        }
        let (low, high) = (points[after - 1], points[after])
        let upper = IslandCorrection(at: high, sum)
        let (least, most) = (Double(low.tokens), Double(high.tokens))
        guard most > tokens else { return upper }
        let part = log(tokens / least) / log(most / least)
        return IslandCorrection(at: low, sum).moved(part, towards: upper)
    }

    /// The points whose number is nearest to another one, by their ratio; the smaller of two.
    private func nearest(
        _ points: [Calibration.Island], to wanted: Int, _ number: (Calibration.Island) -> Int
    ) -> [Calibration.Island] {
        func distance(_ point: Calibration.Island) -> Double {
            abs(log(Double(number(point)) / Double(max(1, wanted))))
        }
        let order = points.map { (distance($0), number($0)) }.min { $0 < $1 }
        guard let best = order?.1 else { return [] }
        return points.filter { number($0) == best }
    }
}

/// What makes a measured time of the sum of an island's kernels.
struct IslandCorrection: Hashable, Sendable {
    /// Measured time ÷ sum.
    var factor: Double
    /// What takes the place of a sum that has no kernels, in seconds.
    var constant: Double

    init(at point: Calibration.Island, _ sum: (Calibration.Island) -> Double) {
        let kernels = sum(point)
        let time = 1e-6 * point.microseconds
        factor = kernels > 0 ? time / kernels : 1
        constant = kernels > 0 ? 0 : time
    }

    /// The correction a part of the way to another one, straight in logarithms.
    func moved(_ part: Double, towards other: IslandCorrection) -> IslandCorrection {
        var result = self
        result.factor = between(factor, other.factor, part)
        result.constant = constant > 0 ? between(constant, other.constant, part) : 0
        return result
    }

    private func between(_ first: Double, _ second: Double, _ part: Double) -> Double {
        exp(log(first) + part * (log(max(second, 1e-12)) - log(first)))
    }
}
