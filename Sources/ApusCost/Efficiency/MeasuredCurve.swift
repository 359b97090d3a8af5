import func Glibc.exp
import func Glibc.log

/// The time of one operation by its size, between measured sizes.
///
/// Straight between two sizes where both axes are logarithms; below the least size its time counts,
/// since what remains is latency, and above the largest one the rate of that size.
struct MeasuredCurve: Sendable {
    private let points: [(size: Double, time: Double)]

    /// Sizes that were measured several times count with the mean of their logarithms.
    init(_ points: [(size: Double, time: Double)]) {
        let sorted = points.filter { $0.size > 0 && $0.time > 0 }.sorted { $0.size < $1.size }
        var merged: [(size: Double, time: Double)] = []
        var count = 1.0
        for point in sorted {
            guard let last = merged.last, last.size == point.size else {
                merged.append(point)
                count = 1
                continue
            }
            count += 1
            merged[merged.count - 1].time = exp(
                log(last.time) + (log(point.time) - log(last.time)) / count)
        }
        self.points = merged
    }

    var isEmpty: Bool { points.isEmpty }
    var least: Double { points.first?.time ?? 0 }
    var largestSize: Double { points.last?.size ?? 0 }

    /// Whether a measured size lies within a factor of two.
    func covers(_ size: Double) -> Bool {
        points.contains { $0.size <= 2 * size && size <= 2 * $0.size }
    }

    func time(_ size: Double) -> Double {
        guard let first = points.first, let last = points.last else { return 0 }
        if size <= first.size { return first.time }
        if size >= last.size { return last.time * size / last.size }
        // The first point that is not below; there is one before it.
        let after = points.firstIndex { $0.size >= size } ?? points.count - 1
        let (low, high) = (points[after - 1], points[after])
        let part = log(size / low.size) / log(high.size / low.size)
        return exp(log(low.time) + part * log(high.time / low.time))
    }
}
