/// Points that a line joins, such as memory over time.
package struct Series: Hashable, Sendable {
    package var name: String
    package var origin: Origin
    package var x: [Double]
    package var y: [Double]

    package init(_ name: String, _ origin: Origin, x: [Double], y: [Double]) {
        precondition(x.count == y.count)
        self.name = name
        self.origin = origin
        self.x = x
        self.y = y
    }

    /// The series with at most about `countMax` points: of each run of neighbours the lowest and
    /// the highest stay, so that no peak is lost.
    package func thinned(to countMax: Int) -> Series {
        guard x.count > countMax, countMax >= 2 else { return self }
        let runs = countMax / 2
        var kept: [Int] = []
        for run in 0..<runs {
            let range = (run * x.count / runs)..<((run + 1) * x.count / runs)
            let low = range.min { y[$0] < y[$1] } ?? range.lowerBound
            let high = range.max { y[$0] < y[$1] } ?? range.lowerBound
            kept += low == high ? [low] : [min(low, high), max(low, high)]
        }
        return Series(name, origin, x: kept.map { x[$0] }, y: kept.map { y[$0] })
    }
}

extension Series: Encodable {
    private enum Key: String, CodingKey {
        case name, origin, x, y
    }

    package func encode(to encoder: any Encoder) throws {
        // A loss may be no number; such a point has no place in a picture.
        let drawn = x.indices.filter { x[$0].isFinite && y[$0].isFinite }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        try container.encode(origin, forKey: .origin)
        try container.encode(drawn.map { shortened(x[$0]) }, forKey: .x)
        try container.encode(drawn.map { shortened(y[$0]) }, forKey: .y)
    }
}

/// The value with seven significant digits, which is more than a picture shows.
func shortened(_ value: Double) -> Double {
    guard value.isFinite, value != 0 else { return value }
    var scale = 1.0
    while value.magnitude * scale < 1e6, scale < 1e18 { scale *= 10 }
    return (value * scale).rounded() / scale
}

/// What the ranks of each stage hold over the step, in bytes.
package struct MemoryPicture: Hashable, Sendable, Encodable {
    package struct Stage: Hashable, Sendable, Encodable {
        package var name: String
        package var series: [Series]

        package init(_ name: String, _ series: [Series]) {
            self.name = name
            self.series = series
        }
    }

    /// Bytes that a GPU has.
    package var limit: Int?
    package var stages: [Stage]

    package init(limit: Int?, stages: [Stage]) {
        self.limit = limit
        self.stages = stages
    }
}
