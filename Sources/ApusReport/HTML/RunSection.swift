import ApusBase

/// Loss, throughput and expert load of a run.
struct RunSection {
    private static let rowsMax = 200
    private let run: RunReport?
    private let experts: ExpertLoad?

    init(_ data: ReportData) {
        run = data.run
        experts = data.experts
    }

    var parts: [PagePart] { [steps, load] }

    private var steps: PagePart {
        guard let run, !run.steps.isEmpty else {
            return .missing(
                id: "run", what: "No run was logged",
                remedy: "`apus train --log run.jsonl` writes one; give it to `apus report`.")
        }
        let (first, last) = (run.steps[0], run.steps[run.steps.count - 1])
        var lead =
            "\(Wording.counted(run.steps.count, "step")); "
            + "loss \(Wording.number(first.loss)) at first, "
            + "\(Wording.number(last.loss)) at the end"
        if let rate = run.median(\.tokensPerSecond) {
            lead += "; median \(Wording.number(rate)) tokens/s without the first step"
        }
        let stride = (run.steps.count + Self.rowsMax - 1) / Self.rowsMax
        let shown = run.steps.enumerated().filter { $0.offset % stride == 0 }.map(\.element)
        let caption = stride == 1 ? "Every step" : "Every \(stride)th step"
        let html = HTML.section(
            "run", "The run", lead + ".",
            content: [
                .picture("run"),
                run.events.isEmpty
                    ? .empty : .element("ul", [:], run.events.map { .element("li", text: $0) }),
                .details(
                    "The run as a table",
                    [
                        .table(
                            caption,
                            [
                                .number("Step"), .number("Loss"), .number("Tokens/s"),
                                .number("Step time"), .number("Gradient norm"),
                                .number("Memory peak"), .number("Expert load cv"),
                                .number("Dropped"),
                            ], texts: shown.map(texts))
                    ]),
            ])
        return .shown(id: "run", name: "Run", html)
    }

    private func texts(_ step: RunReport.Step) -> [String] {
        [
            "\(step.step)", step.loss.map { fixed($0, decimals: 4) } ?? Wording.unknown,
            Wording.number(step.tokensPerSecond), Wording.time(step.stepTime),
            Wording.number(step.gradientNorm), Wording.bytes(step.memoryPeak),
            Wording.number(step.expertLoadCV), step.dropped.map { grouped($0) } ?? Wording.unknown,
        ]
    }

    private var load: PagePart {
        guard let experts, let last = experts.frames.last else {
            return .missing(
                id: "experts", what: "Expert loads are not known",
                remedy: "A log of `apus train` with `expert_load` brings them.")
        }
        let texts = last.load.columns.indices.map { column -> [String] in
            let loads = last.load.values.map { $0[column] }
            let mean = loads.reduce(0, +) / Double(max(1, loads.count))
            let variance =
                loads.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(max(1, loads.count))
            let busiest = loads.indices.max { loads[$0] < loads[$1] } ?? 0
            return [
                last.load.columns[column], last.load.rows[busiest],
                "\(significant(loads[busiest])) ×", "\(significant(loads.min() ?? 0)) ×",
                significant(mean > 0 ? variance.squareRoot() / mean : 0),
            ]
        }
        let html = HTML.section(
            "experts", "Expert load by layer",
            "How many tokens an expert got, as a multiple of the even share "
                + "(\(experts.origin), step \(last.step)).",
            content: [
                .picture("experts"),
                .details(
                    "Expert load as a table",
                    [
                        .table(
                            "Busiest and idlest expert of each layer, step \(last.step)",
                            [
                                .words("Layer"), .words("Busiest"), .number("Its load"),
                                .number("Least load"), .number("cv"),
                            ], texts: texts)
                    ]),
            ])
        return .shown(id: "experts", name: "Experts", html)
    }
}
