import ApusPlan

import func Glibc.exp
import func Glibc.log

/// Islands as they were measured on a cluster itself, for the one model that they are of.
struct CalibratedIslands: Sendable {
    /// What of an island's time is asked for.
    struct Key: Hashable, Sendable {
        var kind: Calibration.IslandKind
        var pass: Calibration.IslandPass
    }

    /// An island's time at one size of a micro-batch, in seconds.
    struct Point: Sendable {
        var sequences: Int
        var length: Int
        var experts: Int?
        var time: Double
        var tokens: Double { Double(sequences * length) }
    }

    private let model: Calibration.IslandModel
    private let rows: [Key: [Point]]

    /// `nil` where no island was measured.
    init?(_ calibration: Calibration) {
        guard let model = calibration.islandModel, !calibration.islands.isEmpty else { return nil }
        self.model = model
        rows = Dictionary(grouping: calibration.islands) { Key(kind: $0.kind, pass: $0.pass) }
            .mapValues { rows in
                rows.map {
                    Point(
                        sequences: $0.sequences, length: $0.length, experts: $0.experts,
                        time: 1e-6 * $0.microseconds)
                }
            }
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
        length: Int, experts: Int? = nil, sum: (Point) -> Double
    ) -> IslandCorrection? {
        var points = rows[Key(kind: kind, pass: pass)] ?? []
        points = nearest(points, to: length) { $0.length }
        if let experts { points = nearest(points, to: experts) { $0.experts ?? experts } }
        points.sort { $0.tokens < $1.tokens }
        guard let last = points.last else { return nil }
        let after = points.firstIndex { $0.tokens >= tokens }
        guard let after, after > 0 else {
            return IslandCorrection(at: after == nil ? last : points[0], sum)
        }
        let (low, high) = (points[after - 1], points[after])
        let upper = IslandCorrection(at: high, sum)
        guard high.tokens > tokens else { return upper }
        let part = log(tokens / low.tokens) / log(high.tokens / low.tokens)
        return IslandCorrection(at: low, sum).moved(part, towards: upper)
    }

    /// The points whose number is nearest to another one, by their ratio; the smaller of two.
    private func nearest(
        _ points: [Point], to wanted: Int, _ number: (Point) -> Int
    ) -> [Point] {
        func distance(_ point: Point) -> Double {
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

    init(at point: CalibratedIslands.Point, _ sum: (CalibratedIslands.Point) -> Double) {
        let kernels = sum(point)
        factor = kernels > 0 ? point.time / kernels : 1
        constant = kernels > 0 ? 0 : point.time
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
