import ApusBase

/// The front as a drawing that any browser shows; each mark names its strategy.
extension ParetoPlot {
    package func svg(title: String) -> String {
        let frame = Frame(points)
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(frame.width) "
                + "\(frame.height)\" font-family=\"sans-serif\" font-size=\"12\">",
            "  <title>\(escaped(title))</title>",
            "  <rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            "  <text x=\"\(frame.left)\" y=\"24\" font-size=\"15\">\(escaped(title))</text>",
        ]
        lines += axes(frame)
        let slowest = points.map(\.timeToFirstToken.count).max() ?? 1
        for point in points {
            let (x, y) = frame.place(point)
            // The area of a mark grows with the time to the first token.
            let share = slowest > 0 ? point.timeToFirstToken.count / slowest : 0
            let radius = fixed(3 + 7 * share.squareRoot(), decimals: 1)
            let text =
                "\(point.label): \(point.stepTime) a step, \(point.memory), first token after "
                + "\(point.timeToFirstToken)"
            lines.append(
                "  <circle cx=\"\(x)\" cy=\"\(y)\" r=\"\(radius)\" fill=\"#2a6fb0\" "
                    + "fill-opacity=\"0.5\" stroke=\"#174a7c\"><title>\(escaped(text))"
                    + "</title></circle>")
        }
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private func axes(_ frame: Frame) -> [String] {
        let bottom = frame.height - frame.below
        var lines = [
            "  <path d=\"M\(frame.left) \(frame.above)V\(bottom)H\(frame.width - frame.right)\" "
                + "fill=\"none\" stroke=\"#444\"/>",
            "  <text x=\"\(frame.width / 2)\" y=\"\(frame.height - 8)\" "
                + "text-anchor=\"middle\">memory of the fullest rank</text>",
            "  <text x=\"16\" y=\"\(frame.height / 2)\" text-anchor=\"middle\" "
                + "transform=\"rotate(-90 16 \(frame.height / 2))\">step time "
                + "(larger marks: later first token)</text>",
        ]
        for tick in 0...4 {
            let share = Double(tick) / 4
            let x = fixed(frame.x(share), decimals: 1)
            let y = fixed(frame.y(share), decimals: 1)
            let memory = Bytes(Int(frame.memory(share)))
            let time = Seconds(frame.time(share))
            lines.append(
                "  <text x=\"\(x)\" y=\"\(bottom + 18)\" text-anchor=\"middle\">\(memory)</text>")
            lines.append(
                "  <text x=\"\(frame.left - 8)\" y=\"\(y)\" text-anchor=\"end\">\(time)</text>")
        }
        return lines
    }

    private func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}

/// Where a drawing's values lie on its surface.
private struct Frame {
    let width = 760
    let height = 480
    let left = 90
    let right = 20
    let above = 44
    let below = 50
    private let memoryRange: (low: Double, high: Double)
    private let timeRange: (low: Double, high: Double)

    init(_ points: [ParetoPlot.Point]) {
        func padded(_ values: [Double]) -> (Double, Double) {
            let (low, high) = (values.min() ?? 0, values.max() ?? 1)
            let margin = max(0.05 * (high - low), 1e-6 * high, 1e-12)
            return (max(0, low - margin), high + margin)
        }
        memoryRange = padded(points.map { Double($0.memory.count) })
        timeRange = padded(points.map(\.stepTime.count))
    }

    func memory(_ share: Double) -> Double {
        memoryRange.low + share * (memoryRange.high - memoryRange.low)
    }
    func time(_ share: Double) -> Double {
        timeRange.low + share * (timeRange.high - timeRange.low)
    }
    func x(_ share: Double) -> Double { Double(left) + share * Double(width - left - right) }
    func y(_ share: Double) -> Double {
        Double(height - below) - share * Double(height - above - below)
    }

    func place(_ point: ParetoPlot.Point) -> (x: String, y: String) {
        let memory =
            (Double(point.memory.count) - memoryRange.low) / (memoryRange.high - memoryRange.low)
        let time = (point.stepTime.count - timeRange.low) / (timeRange.high - timeRange.low)
        return (fixed(x(memory), decimals: 1), fixed(y(time), decimals: 1))
    }
}
