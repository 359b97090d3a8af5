import ApusBase
import ApusPlan
import ApusTrace

/// A comparison for people to read.
struct ComparisonText {
    private let comparison: RunComparison
    private let isQuiet: Bool

    init(_ comparison: RunComparison, isQuiet: Bool) {
        self.comparison = comparison
        self.isQuiet = isQuiet
    }

    var lines: [String] {
        let steps = counted(comparison.stepCount, "step", "steps")
        var lines = [
            "\(comparison.measured.path): median of \(steps), beside the simulation of "
                + comparison.file,
            "",
            row(["", "measured", "predicted", ""]),
        ]
        lines += comparison.figures.map { figure in
            row([
                Self.names[figure.name] ?? figure.name, text(figure.measured, figure.unit),
                text(figure.predicted, figure.unit), change(figure.predicted, figure.measured),
            ])
        }
        guard let traces = comparison.comparison else {
            return lines + [
                "", "a log knows no instructions: `apus train --trace` tells where it differs",
            ]
        }
        return lines + kinds(traces) + bytes(traces) + (isQuiet ? [] : entries(traces))
    }

    private static let names = [
        "step_time": "step", "tokens_per_s": "throughput", "memory_peak": "memory peak of a rank",
        "communication": "waiting for collectives", "bubble": "waiting for neighbours",
    ]

    private func kinds(_ traces: TraceComparison) -> [String] {
        var lines = ["", row(["a rank's time by kind", "measured", "predicted", "why"])]
        var rest = Seconds.zero
        for kind in traces.rows {
            if kind.difference.count.magnitude < 0.005 * traces.measuredStepTime.count {
                rest += kind.difference
                continue
            }
            let count = kind.count == kind.count.rounded() ? "\(Int(kind.count))" : "…"
            lines.append(
                row([
                    "\(kind.kind) × \(count)", "\(kind.measured)", "\(kind.predicted)",
                    kind.explanation,
                ]))
        }
        lines.append("all other kinds differ by \(rest) together")
        return lines
    }

    private func bytes(_ traces: TraceComparison) -> [String] {
        let differing = traces.sent.filter { $0.planned != $0.actual }
        guard !differing.isEmpty else { return ["", "bytes sent: as planned, to the byte"] }
        return ["", row(["bytes sent by kind", "measured", "planned", ""])]
            + differing.map {
                row([
                    $0.kind, "\($0.actual)", "\($0.planned)",
                    change(Double($0.planned.count), Double($0.actual.count)),
                ])
            } + ["all other kinds of bytes: as planned"]
    }

    private func entries(_ traces: TraceComparison) -> [String] {
        ["", row(["largest of single instructions", "measured", "predicted", ""])]
            + traces.entries.prefix(5).map {
                row([
                    "rank \($0.rank), \($0.instruction)", "\($0.measured)", "\($0.predicted)",
                    $0.text,
                ])
            }
    }

    private func text(_ value: Double, _ unit: String) -> String {
        switch unit {
        case "s": "\(Seconds(value))"
        case "B": "\(Bytes(Int(value)))"
        default: significant(value)
        }
    }

    /// By how much what was measured differs.
    private func change(_ predicted: Double, _ measured: Double) -> String {
        guard predicted > 0 else { return "" }
        let share = measured / predicted - 1
        return (share < 0 ? "" : "+") + percent(share)
    }

    private func row(_ cells: [String]) -> String {
        let widths = [34, 10, 10, 0]
        var line = ""
        for (index, (cell, width)) in zip(cells, widths).enumerated() {
            let space = String(repeating: " ", count: max(0, width - cell.count))
            switch index {
            case 0: line += cell + space
            case 3: line += cell.isEmpty ? "" : "  " + cell
            default: line += "  " + space + cell
            }
        }
        return line
    }
}
