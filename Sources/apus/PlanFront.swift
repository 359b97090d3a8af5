import ApusBase
import ApusPlan
import ApusPlanner

/// The Pareto front as it is drawn: throughput against memory.
struct PlanFront {
    struct Point {
        var label: String
        var tokensPerSecondPerGPU: Double
        var memory: Bytes
        var mark: Mark
    }

    enum Mark: Character {
        case recommended = "1"
        /// No other has more throughput with less memory.
        case edge = "o"
        /// On the front for its time to first token.
        case inner = "."
        case own = "x"
    }

    /// What is drawn last lies on top.
    let points: [Point]
    let memoryLimit: Bytes

    init(_ outcome: PlanOutcome) {
        let workload = outcome.problem.workload
        let weights = workload.lengthWeightsOrDefault
        let length =
            zip(workload.sequenceLengths, weights).map { Double($0) * $1 }.reduce(0, +)
            / weights.reduce(0, +)
        let tokens = Double(workload.sequencesPerBatch) * length
        let gpus = Double(outcome.problem.cluster.worldSize)
        var points: [Point] = []
        var leastMemory: Bytes?
        // Fastest first: a point is on the edge if it needs less memory than all before.
        for candidate in outcome.answer.front {
            let isEdge = leastMemory.map { candidate.memory < $0 } ?? true
            if isEdge { leastMemory = candidate.memory }
            points.append(
                Point(
                    label: candidate.strategy.degrees.layout,
                    tokensPerSecondPerGPU: tokens / candidate.stepTime.count / gpus,
                    memory: candidate.memory, mark: isEdge ? .edge : .inner))
        }
        func add(_ strategy: PlannedStrategy?, _ mark: Mark) {
            guard let strategy else { return }
            points.append(
                Point(
                    label: strategy.plan.degrees.layout,
                    tokensPerSecondPerGPU: strategy.tokensPerSecondPerGPU,
                    memory: strategy.memoryPeak, mark: mark))
        }
        points = points.filter { $0.mark == .inner } + points.filter { $0.mark == .edge }
        add(outcome.own?.strategy, .own)
        add(outcome.best, .recommended)
        self.points = points
        memoryLimit = outcome.problem.memoryLimit
    }

    var memoryAxis: PlanAxis { PlanAxis(to: points.map { gigabytes($0) }.max() ?? 1) }
    var rateAxis: PlanAxis {
        PlanAxis(to: points.map(\.tokensPerSecondPerGPU).max() ?? 1)
    }

    func gigabytes(_ point: Point) -> Double { Double(point.memory.count) / 1e9 }

    /// The front as a picture of plain characters, at most 72 columns wide and 16 lines high.
    var lines: [String] {
        guard !points.isEmpty else { return [] }
        let (columns, rows) = (58, 12)
        var picture = Array(
            repeating: Array(repeating: Character(" "), count: columns), count: rows)
        for point in points {
            let x = memoryAxis.place(gigabytes(point), of: columns)
            let y = rateAxis.place(point.tokensPerSecondPerGPU, of: rows)
            picture[rows - 1 - y][x] = point.mark.rawValue
        }
        let top = PlanAxis.text(rateAxis.end)
        var lines = ["tokens/s/GPU"]
        for (index, row) in picture.enumerated() {
            let title = index == 0 ? top : index == rows - 1 ? "0" : ""
            lines.append(trimmed(padded(title, 10) + " |" + String(row)))
        }
        lines.append(padded("", 10) + " +" + String(repeating: "-", count: columns))
        let right = "\(PlanAxis.text(memoryAxis.end)) GB"
        lines.append(
            padded("0", 13) + padded("memory on the fullest rank", 36)
                + padded(right, columns - 37))
        let own = points.contains { $0.mark == .own } ? ", x the file's own plan" : ""
        lines.append(
            "1 recommended, o most throughput for its memory, . for first token\(own)")
        return lines
    }

    private func trimmed(_ text: String) -> String {
        String(text.reversed().drop { $0 == " " }.reversed())
    }
}

/// An axis from 0 to a round number.
struct PlanAxis {
    let end: Double
    let step: Double

    /// The axis whose end is the next multiple of 1, 2 or 5 times a power of ten.
    init(to largest: Double) {
        let largest = largest > 0 ? min(largest, 1e30) : 1
        var power = 1.0
        while power * 10 <= largest { power *= 10 }
        while power > largest, power > 1e-9 { power /= 10 }
        let steps = [0.1, 0.2, 0.5, 1, 2].map { $0 * power }
        step = steps.first { $0 * 8 >= largest } ?? 2 * power
        end = step * (largest / step).rounded(.up)
    }

    /// A value of the axis without what binary fractions add to it.
    static func text(_ value: Double) -> String { plain((value * 1e6).rounded() / 1e6) }

    /// The place of a value among `count` of them.
    func place(_ value: Double, of count: Int) -> Int {
        guard end > 0, value.isFinite else { return 0 }
        return min(count - 1, max(0, Int(value / end * Double(count - 1) + 0.5)))
    }
}
