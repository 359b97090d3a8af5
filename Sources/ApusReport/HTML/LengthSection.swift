import ApusBase

/// What the page shows of the step of one sequence length.
struct LengthSection {
    private let length: LengthReport
    private let index: Int
    private let data: ReportData

    init(_ length: LengthReport, index: Int, data: ReportData) {
        self.length = length
        self.index = index
        self.data = data
    }

    var html: HTML {
        .element(
            "div", ["class": "length", "data-length": "\(index)"],
            [
                .element(
                    "h2", ["class": "length-title"],
                    text: length.title),
                Answers(length).html,
            ] + length.notes.map { .paragraph($0, class: "note") } + [
                timeline, time, memory, communication, differences,
            ])
    }

    private func section(
        _ id: String, _ title: String, _ lead: String? = nil, content: [HTML]
    ) -> HTML {
        .section("\(id)-\(index)", title, lead, content: content)
    }

    private var timeline: HTML {
        guard let timeline = length.timeline, timeline.eventCount > 0 else {
            return section(
                "timeline", "Pipeline timeline",
                content: [
                    absent("There is no timeline", "The plan was not simulated and no trace given.")
                ])
        }
        let lead =
            switch (timeline.has(.predicted), timeline.has(.measured)) {
            case (true, true): "Each stage's predicted step above the measured steps of its ranks."
            case (true, false): "The predicted step of each stage; no run was measured."
            case (false, _): "The measured step of each rank; nothing was predicted."
            }
        let rows = timeline.stages.flatMap { stage in
            stage.lanes.map { lane in TimelineRow(stage: stage, lane: lane) }
        }
        return section(
            "timeline", "Pipeline timeline", lead,
            content: [
                .picture("timeline", index),
                .details(
                    "The timeline as a table",
                    [
                        .table(
                            "Time by kind of instruction, summed over a lane",
                            TimelineRow.columns, texts: rows.flatMap(\.texts))
                    ]),
            ])
    }

    private var time: HTML {
        guard !length.stageTimes.isEmpty else {
            return section(
                "time", "Where the time goes",
                content: [
                    absent("No stage's time is known", "A simulated plan or a trace brings it.")
                ])
        }
        let longest = length.stageTimes.map(\.total).max() ?? 1
        let bars = length.stageTimes.map { stage -> HTML in
            let scale = longest > 0 ? 1 / longest : 0
            return .element(
                "div", ["class": "stage-time"],
                [
                    .element("span", ["class": "name"], text: "\(stage.name), \(stage.origin)"),
                    .element(
                        "div", ["class": "bar", "aria-hidden": "true"],
                        [
                            barSegment("computation", stage.computation * scale),
                            barSegment("exposed", stage.communicationExposed * scale),
                            barSegment("imbalance", stage.imbalance * scale),
                            barSegment("bubble", stage.bubble * scale),
                        ]),
                ])
        }
        let texts = length.stageTimes.map { stage in
            [
                stage.name, stage.origin.rawValue, Wording.time(stage.computation),
                Wording.time(stage.communicationExposed), Wording.time(stage.imbalance),
                Wording.time(stage.bubble),
                Wording.share(stage.total > 0 ? stage.computation / stage.total : nil),
            ]
        }
        return section(
            "time", "Where the time goes",
            "Exposed communication is waiting for the wire, imbalance is waiting for slower ranks "
                + "of the same stage, a bubble is idling because of the schedule.",
            content: [
                .constant(
                    """
                    <ul class="legend"><li><span class="swatch computation"></span>computation</li>\
                    <li><span class="swatch exposed"></span>exposed communication</li>\
                    <li><span class="swatch imbalance"></span>imbalance</li>\
                    <li><span class="swatch bubble"></span>bubble</li></ul>
                    """),
                .element("div", ["class": "stage-times"], bars),
                .details(
                    "The bars as a table",
                    [
                        .table(
                            "Time of each stage in one step",
                            [
                                .words("Stage"), .words(""), .number("Computation"),
                                .number("Exposed"), .number("Imbalance"), .number("Bubble"),
                                .number("Busy"),
                            ], texts: texts)
                    ]),
            ])
    }

    private var memory: HTML {
        guard let memory = length.memory, !memory.stages.isEmpty else {
            return section(
                "memory", "Memory over the step",
                content: [
                    absent(
                        "Memory over time is not known", "A simulated plan or a trace brings it.")
                ])
        }
        let texts = memory.stages.map { stage in
            [stage.name]
                + [Origin.predicted, .measured].map { origin in
                    let peaks = stage.series.filter { $0.origin == origin }.flatMap(\.y)
                    return Wording.bytes(peaks.max().map { Int($0) })
                } + [Wording.bytes(memory.limit)]
        }
        let limit = memory.limit.map { " A GPU has \(Wording.bytes($0))." } ?? ""
        return section(
            "memory", "Memory over the step",
            "What a rank of each stage holds from the start of the step to its end." + limit,
            content: [
                .picture("memory", index),
                .details(
                    "Memory as a table",
                    [
                        .table(
                            "Highest memory of each stage",
                            [
                                .words("Stage"), .number("Predicted"), .number("Measured"),
                                .number("GPU has"),
                            ], texts: texts)
                    ]),
            ])
    }

    private var communication: HTML {
        guard let matrix = length.communication, !matrix.values.isEmpty else {
            return section(
                "communication", "Who sends how much to whom",
                content: [
                    absent(
                        "There is no communication matrix",
                        "A simulated plan or a trace brings it.")
                ])
        }
        return section(
            "communication", "Who sends how much to whom",
            "Bytes of one step, from each \(matrix.rowName) to each \(matrix.columnName).",
            content: [
                .picture("communication", index),
                .details("The largest flows as a table", [matrix.largestFlows(countMax: 40)]),
            ])
    }

    private var differences: HTML {
        let figures = FiguresTable(predicted: length.predicted, measured: length.measured).html
        var content = [figures]
        if length.differences.isEmpty {
            content.append(
                length.measured == nil
                    ? absent(
                        "No run was measured",
                        "`apus train --trace` writes what a run did, for `apus report` to compare.")
                    : absent(
                        "Single instructions were not compared",
                        "A predicted and a measured trace bring the differences by kind."))
        } else {
            content.append(
                .table(
                    "Largest differences by kind of instruction",
                    [
                        .words("Kind"), .number("Predicted"), .number("Measured"),
                        .number("Difference"), .words("Why"),
                    ],
                    texts: length.differences.map {
                        [
                            $0.kind, Wording.time($0.predicted), Wording.time($0.measured),
                            Wording.deviation($0.predicted, $0.measured), $0.explanation,
                        ]
                    }))
        }
        return section("differences", "Prediction beside measurement", content: content)
    }
}

extension LengthReport {
    /// What the section is of.
    var title: String {
        let sequences = "Sequences of \(grouped(sequenceLength)) tokens"
        guard let subject else { return sequences }
        return "\(subject.prefix(1).uppercased())\(subject.dropFirst()): "
            + sequences.prefix(1).lowercased() + sequences.dropFirst()
    }
}
