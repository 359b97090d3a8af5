import ApusBase

/// The figures of a step, predicted beside measured.
struct FiguresTable {
    private let predicted: StepFigures?
    private let measured: StepFigures?

    init(predicted: StepFigures?, measured: StepFigures?) {
        self.predicted = predicted
        self.measured = measured
    }

    var html: HTML {
        .table(
            "Figures of one step",
            [
                .words("Figure"), .number("Predicted"), .number("Measured"),
                .number("Predicted against measured"),
            ],
            texts: [
                row("Step time", \.stepTime, Wording.time),
                row("Tokens/s", \.tokensPerSecond, Wording.number),
                points("Pipeline bubble", \.bubble),
                points("Exposed communication", \.communicationExposed),
                points("Imbalance within stages", \.imbalance),
                points("Utilization of compute", \.utilization),
                row("Memory peak", { $0.memoryPeak.map(Double.init) }) {
                    Wording.bytes($0.map { Int($0) })
                },
            ] + traffic)
    }

    private func row(
        _ name: String, _ value: (StepFigures) -> Double?, _ text: (Double?) -> String
    ) -> [String] {
        let (left, right) = (predicted.flatMap(value), measured.flatMap(value))
        return [name, text(left), text(right), Wording.deviation(left, right)]
    }

    /// A share; two of them differ by percentage points.
    private func points(_ name: String, _ value: (StepFigures) -> Double?) -> [String] {
        let (left, right) = (predicted.flatMap(value), measured.flatMap(value))
        var difference = Wording.unknown
        if let left, let right {
            difference = "\(Wording.signed((left - right) * 100)) points"
        }
        return [name, Wording.share(left), Wording.share(right), difference]
    }

    private var traffic: [[String]] {
        var kinds = predicted?.bytesSent.map(\.kind) ?? []
        kinds += (measured?.bytesSent.map(\.kind) ?? []).filter { !kinds.contains($0) }
        return kinds.map { kind in
            row("Sent: \(kind)") { figures in
                figures.bytesSent.first { $0.kind == kind }.map { Double($0.bytes) }
            } _: {
                Wording.bytes($0.map { Int($0) })
            }
        }
    }
}

/// How one lane of a timeline spends its time, by kind of instruction.
struct TimelineRow {
    var stage: Timeline.Stage
    var lane: Timeline.Lane

    static let columns: [Column] = [
        .words("Stage"), .words("Lane"), .words("Kind"), .number("Instructions"), .number("Time"),
        .number("Planned bytes"), .number("Actual bytes"),
    ]

    var texts: [[String]] {
        Timeline.Kind.allCases.compactMap { kind in
            let indices = stage.events.indices.filter {
                stage.events[$0].kind == kind && lane.spans[$0] != nil
            }
            guard !indices.isEmpty else { return nil }
            let time = indices.compactMap { lane.spans[$0] }.map { $0.end - $0.start }
            let planned = indices.compactMap { stage.events[$0].plannedBytes }
            let actual = lane.actualBytes.isEmpty ? [] : indices.compactMap { lane.actualBytes[$0] }
            return [
                stage.name, "\(lane.name) \(lane.origin)", kind.rawValue,
                grouped(indices.map { stage.events[$0].count }.reduce(0, +)),
                Wording.time(time.reduce(0, +)),
                Wording.bytes(planned.isEmpty ? nil : planned.reduce(0, +)),
                Wording.bytes(actual.isEmpty ? nil : actual.reduce(0, +)),
            ]
        }
    }
}

extension Matrix {
    /// The largest values with their row and column, largest first.
    func largestFlows(countMax: Int) -> HTML {
        var cells: [(row: Int, column: Int, value: Double)] = []
        for row in rows.indices {
            for column in columns.indices where values[row][column] > 0 {
                cells.append((row, column, values[row][column]))
            }
        }
        cells.sort { ($1.value, $0.row, $0.column) < ($0.value, $1.row, $1.column) }
        let total = cells.map(\.value).reduce(0, +)
        let shown = cells.prefix(countMax)
        let caption =
            shown.count < cells.count
            ? "The \(shown.count) largest of \(grouped(cells.count)) flows"
            : "All flows, largest first"
        return .table(
            caption,
            [.words(rowName), .words(columnName), .number("Bytes"), .number("Share of all")],
            texts: shown.map {
                [
                    rows[$0.row], columns[$0.column], Wording.bytes(Int($0.value)),
                    Wording.share(total > 0 ? $0.value / total : nil),
                ]
            })
    }
}
