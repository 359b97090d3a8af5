import ApusBase
import ApusPlan

/// The Pareto front as a picture on its own, readable on light and on dark ground.
struct PlanFrontSVG {
    private let front: PlanFront
    private let width = 760.0
    private let height = 460.0
    private let left = 84.0
    private let right = 24.0
    private let top = 28.0
    private let bottom = 58.0

    init(_ front: PlanFront) { self.front = front }

    var text: String {
        let head = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(plain(width)) \(plain(height))" \
            width="\(plain(width))" height="\(plain(height))" role="img">
            <title>Pareto front: throughput against memory on the fullest rank</title>
            <style>
            svg { --ink: #1f2328; --faint: #d0d7de; --edge: #0969da; --own: #bc4c00;
              background: #ffffff; font: 12px sans-serif; }
            @media (prefers-color-scheme: dark) {
              svg { --ink: #e6edf3; --faint: #3d444d; --edge: #58a6ff; --own: #f0883e;
                background: #0d1117; }
            }
            text { fill: var(--ink); } .grid { stroke: var(--faint); }
            .axis { stroke: var(--ink); } .limit { stroke: var(--own); stroke-dasharray: 4 4; }
            .edge, .recommended { fill: var(--edge); } .inner { fill: none; stroke: var(--edge); }
            .own { fill: var(--own); } .best { font-weight: bold; }
            </style>
            """
        return ([head] + axes + limit + dots + ["</svg>", ""]).joined(separator: "\n")
    }

    // MARK: - Axes

    private func x(_ gigabytes: Double) -> Double {
        left + gigabytes / front.memoryAxis.end * (width - left - right)
    }

    private func y(_ rate: Double) -> Double {
        height - bottom - rate / front.rateAxis.end * (height - top - bottom)
    }

    private var axes: [String] {
        var lines: [String] = []
        for value in ticks(front.memoryAxis) {
            lines.append(line(x(value), top, x(value), height - bottom, "grid"))
            lines.append(
                label(PlanAxis.text(value), x(value), height - bottom + 18, anchor: "middle"))
        }
        for value in ticks(front.rateAxis) {
            lines.append(line(left, y(value), width - right, y(value), "grid"))
            lines.append(label(PlanAxis.text(value), left - 8, y(value) + 4, anchor: "end"))
        }
        lines += [
            line(left, height - bottom, width - right, height - bottom, "axis"),
            line(left, top, left, height - bottom, "axis"),
            label(
                "memory on the fullest rank (GB)", (left + width - right) / 2, height - 16,
                anchor: "middle"),
            label("tokens/s/GPU", left - 8, top - 12, anchor: "start"),
        ]
        return lines
    }

    private func ticks(_ axis: PlanAxis) -> [Double] {
        let count = Int((axis.end / axis.step).rounded())
        return (0...count).map { Double($0) * axis.end / Double(max(1, count)) }
    }

    /// What a rank has, where that is within the picture.
    private var limit: [String] {
        let memory = Double(front.memoryLimit.count) / 1e9
        guard memory <= front.memoryAxis.end else { return [] }
        return [line(x(memory), top, x(memory), height - bottom, "limit")]
    }

    // MARK: - Points

    /// The points, each with its label where that hides no other, and always as its tool tip.
    private var dots: [String] {
        var taken: [(x: Double, y: Double, width: Double)] = []
        var lines: [String] = []
        for point in front.points.reversed() {
            let (x, y) = (x(front.gigabytes(point)), y(point.tokensPerSecondPerGPU))
            let name = "\(point.label)\(remark(point.mark))"
            let tip =
                "\(name): \(significant(point.tokensPerSecondPerGPU)) tokens/s/GPU, "
                + "\(point.memory)"
            let radius = point.mark == .inner ? 3.0 : 5.0
            lines.append(
                "<circle class=\"\(style(point.mark))\" cx=\"\(number(x))\" cy=\"\(number(y))\" "
                    + "r=\"\(plain(radius))\"><title>\(escaped(tip))</title></circle>")
            // About 6.6 units to a letter.
            let room = 6.6 * Double(name.count)
            let isLeft = x + 10 + room > width
            let start = isLeft ? x - 10 - room : x + 10
            let isFree = taken.allSatisfy {
                abs($0.y - y) >= 13 || start + room < $0.x || start > $0.x + $0.width
            }
            guard isFree, start > left else { continue }
            taken.append((start, y, room))
            let style = point.mark == .recommended ? " class=\"best\"" : ""
            lines.append(
                label(
                    name, isLeft ? x - 10 : x + 10, y + 4, anchor: isLeft ? "end" : "start",
                    style: style))
        }
        return lines
    }

    private func remark(_ mark: PlanFront.Mark) -> String {
        switch mark {
        case .recommended: " (recommended)"
        case .own: " (own plan)"
        case .edge, .inner: ""
        }
    }

    private func style(_ mark: PlanFront.Mark) -> String {
        switch mark {
        case .recommended: "recommended"
        case .edge: "edge"
        case .inner: "inner"
        case .own: "own"
        }
    }

    // MARK: - Elements

    private func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String
    ) -> String {
        "<line class=\"\(style)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" "
            + "x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
    }

    private func label(
        _ text: String, _ x: Double, _ y: Double, anchor: String, style: String = ""
    ) -> String {
        "<text\(style) x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">"
            + "\(escaped(text))</text>"
    }

    private func number(_ value: Double) -> String { fixed(value, decimals: 1) }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
