package import ApusBase

/// A Pareto front as a picture: step time over memory, with the time to the first token as the size
/// of a mark.
package struct ParetoPlot: Hashable, Sendable {
    package struct Point: Hashable, Sendable {
        package var stepTime: Seconds
        package var memory: Bytes
        package var timeToFirstToken: Seconds
        package var label: String

        package init(_ candidate: Candidate) {
            stepTime = candidate.stepTime
            memory = candidate.memory
            timeToFirstToken = candidate.timeToFirstToken
            label = candidate.strategy.summary
        }
    }

    package let points: [Point]

    package init(_ front: [Candidate]) { points = front.map(Point.init) }

    private var timeRange: ClosedRange<Double> { range(points.map(\.stepTime.count)) }
    private var memoryRange: ClosedRange<Double> {
        range(points.map { Double($0.memory.count) })
    }

    private func range(_ values: [Double]) -> ClosedRange<Double> {
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        return low < high ? low...high : low...(low + max(1e-9, abs(low) * 0.01))
    }

    private func place(_ value: Double, in range: ClosedRange<Double>) -> Double {
        (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    }

    /// The front in characters: `1` to `4` by time to first token, `1` the quickest quarter.
    package func lines(width: Int = 56, height: Int = 12) -> [String] {
        guard !points.isEmpty else { return [] }
        var cells = Array(repeating: Array(repeating: Character(" "), count: width), count: height)
        let ordered = points.map(\.timeToFirstToken.count).sorted()
        for point in points {
            let column = place(Double(point.memory.count), in: memoryRange)
            let row = place(point.stepTime.count, in: timeRange)
            let rank = ordered.firstIndex { $0 >= point.timeToFirstToken.count } ?? 0
            let mark = Character("\(1 + 4 * rank / points.count)")
            let x = Int((column * Double(width - 1)).rounded())
            let y = Int(((1 - row) * Double(height - 1)).rounded())
            if cells[y][x] == " " || cells[y][x] > mark { cells[y][x] = mark }
        }
        let labels = [Seconds(timeRange.upperBound), Seconds(timeRange.lowerBound)].map(
            \.description)
        let margin = labels.map(\.count).max() ?? 0
        var lines = cells.enumerated().map { index, row in
            let label = index == 0 ? labels[0] : index == height - 1 ? labels[1] : ""
            let space = String(repeating: " ", count: margin - label.count)
            return "  \(space)\(label) |\(String(row))".trimmingEnd()
        }
        let left = Bytes(Int(memoryRange.lowerBound)).description
        let right = Bytes(Int(memoryRange.upperBound)).description
        let gap = String(repeating: " ", count: max(1, width - left.count - right.count))
        lines.append(
            "  \(String(repeating: " ", count: margin)) +"
                + String(repeating: "-", count: width))
        lines.append("  \(String(repeating: " ", count: margin))  \(left)\(gap)\(right)")
        return lines
    }
}

extension String {
    /// Without spaces at the end.
    fileprivate func trimmingEnd() -> String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
