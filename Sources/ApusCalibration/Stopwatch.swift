import ApusEngine
import ApusSystem

/// The median of repeated measurements, and how far they lie apart.
package struct Timing: Hashable, Sendable {
    package var seconds: Double
    /// The distance between the quartiles over the median.
    package var spread: Double

    /// No sample is left out: a slow one counts as it is.
    init(_ samples: [Double]) {
        let sorted = samples.sorted()
        func quantile(_ share: Double) -> Double {
            guard let last = sorted.last else { return 0 }
            let place = share * Double(sorted.count - 1)
            let index = Int(place)
            guard index + 1 < sorted.count else { return last }
            return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
        }
        seconds = quantile(0.5)
        spread = seconds > 0 ? (quantile(0.75) - quantile(0.25)) / seconds : 0
    }

    init(seconds: Double, spread: Double) {
        self.seconds = seconds
        self.spread = spread
    }

    /// The time without what the measurement itself takes.
    func without(_ other: Double) -> Timing {
        // What is left of a short operation is uncertain, but it is not nothing.
        let left = max(seconds - other, 0.05 * seconds)
        return Timing(seconds: left, spread: left > 0 ? spread * seconds / left : 0)
    }

    /// Microseconds with four significant digits, as a cluster file holds them.
    package var microseconds: Double { significant(1e6 * seconds) }
    package var roundedSpread: Double { significant(spread, digits: 2) }
}

/// A number with so many significant decimal digits.
func significant(_ value: Double, digits: Int = 4) -> Double {
    guard value > 0, value.isFinite else { return 0 }
    var unit = 1.0
    var limit = 1.0
    for _ in 0..<digits { limit *= 10 }
    while value / unit >= limit { unit *= 10 }
    // Powers of ten below one are not exact, so numbers are divided by those above.
    var parts = 1.0
    while value * parts < limit / 10 { parts *= 10 }
    return unit > 1 ? (value / unit).rounded() * unit : (value * parts).rounded() / parts
}

/// How long and how often operations are repeated.
package struct Stopwatch: Hashable, Sendable {
    /// Samples of each measurement.
    package var repetitions: Int
    /// A sample repeats a short operation until this time has passed.
    package var sampleSeconds: Double
    /// A measurement stops after this time, however few samples it has then; it has three.
    package var limitSeconds: Double

    package static let standard = Stopwatch(
        repetitions: 9, sampleSeconds: 1e-3, limitSeconds: 0.5)
    package static let quick = Stopwatch(repetitions: 5, sampleSeconds: 3e-4, limitSeconds: 0.1)

    /// Times of `body`, which returns the seconds of each of its parts; the first runs warm up.
    func timings(
        parts: Int, _ body: () throws(EngineError) -> [Double]
    ) throws(EngineError) -> [Timing] {
        _ = try body()
        let first = monotonicSeconds()
        _ = try body()
        let once = max(1e-7, monotonicSeconds() - first)
        let count = max(1, min(1000, Int((sampleSeconds / once).rounded(.up))))
        var samples = [[Double]](repeating: [], count: parts)
        let start = monotonicSeconds()
        for index in 0..<repetitions {
            if index >= 3, monotonicSeconds() - start > limitSeconds { break }
            var sums = [Double](repeating: 0, count: parts)
            for _ in 0..<count {
                for (part, seconds) in try body().enumerated() { sums[part] += seconds }
            }
            for part in 0..<parts { samples[part].append(sums[part] / Double(count)) }
        }
        return samples.map { Timing($0) }
    }

    /// The time of `body` as a whole.
    func timing(_ body: () throws(EngineError) -> Void) throws(EngineError) -> Timing {
        let found = try timings(parts: 1) { () throws(EngineError) in
            let start = monotonicSeconds()
            try body()
            return [monotonicSeconds() - start]
        }
        return found[0]
    }
}
