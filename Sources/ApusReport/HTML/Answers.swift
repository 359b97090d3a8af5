import ApusBase

/// Which sequence length the page opens with: the first that was measured, or the first.
struct Headline {
    var index: Int

    init(_ data: ReportData) {
        index = data.lengths.firstIndex { $0.measured != nil } ?? 0
    }
}

/// The four questions that the first screen answers.
struct Answers {
    private let predicted: StepFigures?
    private let measured: StepFigures?

    init(_ length: LengthReport) {
        predicted = length.predicted
        measured = length.measured
    }

    var html: HTML {
        .element("div", ["class": "answers"], [duration, memory, waste, accuracy])
    }

    private func card(_ question: String, _ answer: String, _ details: [HTML]) -> HTML {
        let isFigure = answer.contains(where: \.isNumber) || answer == Wording.unknown
        return .element(
            "div", ["class": "answer"],
            [
                .element("h3", text: question),
                .element("p", ["class": isFigure ? "figure" : "figure words"], text: answer),
            ] + details)
    }

    private func origin(_ isMeasured: Bool) -> String { isMeasured ? "measured" : "predicted" }

    private var duration: HTML {
        let time = measured?.stepTime ?? predicted?.stepTime
        var lines = ["a step, \(origin(measured?.stepTime != nil))"]
        if measured?.stepTime != nil, let other = predicted?.stepTime {
            lines[0] += "; predicted \(Wording.time(other))"
        }
        if let rate = measured?.tokensPerSecond ?? predicted?.tokensPerSecond {
            lines.append("\(Wording.number(rate)) tokens/s")
        }
        return card("How long?", Wording.time(time), lines.map { .paragraph($0) })
    }

    private var memory: HTML {
        let peak = measured?.memoryPeak ?? predicted?.memoryPeak
        var lines = ["on the fullest rank, \(origin(measured?.memoryPeak != nil))"]
        var details: [HTML] = []
        if measured?.memoryPeak != nil, let other = predicted?.memoryPeak {
            lines[0] += "; predicted \(Wording.bytes(other))"
        }
        if let peak, let limit = measured?.memoryLimit ?? predicted?.memoryLimit, limit > 0 {
            let share = Double(peak) / Double(limit)
            lines.append("\(Wording.share(share)) of the \(Wording.bytes(limit)) it has")
            details.append(Self.meter([("memory", share)]))
        }
        return card(
            "How much memory?", Wording.bytes(peak), lines.map { .paragraph($0) } + details)
    }

    private var waste: HTML {
        let isMeasured = measured?.bubble != nil
        let figures = isMeasured ? measured : predicted
        guard let bubble = figures?.bubble, let exposed = figures?.communicationExposed else {
            return card(
                "What is wasted?", Wording.unknown, [.paragraph("bubble and waiting are unknown")])
        }
        let imbalance = figures?.imbalance
        let uneven = imbalance.map { ", \(Wording.share($0)) imbalance" } ?? ""
        return card(
            "What is wasted?", Wording.share(bubble + exposed + (imbalance ?? 0)),
            [
                .paragraph(
                    "of the step, \(origin(isMeasured)): \(Wording.share(bubble)) pipeline bubble, "
                        + "\(Wording.share(exposed)) exposed communication\(uneven)"),
                Self.meter([
                    ("bubble", bubble), ("exposed", exposed), ("imbalance", imbalance ?? 0),
                ]),
            ])
    }

    private var accuracy: HTML {
        let question = "How good was the prediction?"
        guard let measured, measured.stepTime != nil else {
            return card(
                question, "No run was measured",
                [.paragraph("`apus train --trace` measures one; give its trace to `apus report`")])
        }
        guard let predicted, predicted.stepTime != nil else {
            return card(
                question, "Nothing was predicted",
                [
                    .paragraph(
                        "`apus report` needs the run's deployment, and `--cluster` where the run "
                            + "was on another machine")
                ])
        }
        var lines = ["step time, predicted against measured"]
        if let peak = predicted.memoryPeak, let held = measured.memoryPeak {
            lines.append("memory peak \(Wording.deviation(Double(peak), Double(held)))")
        }
        return card(
            question, Wording.deviation(predicted.stepTime, measured.stepTime),
            lines.map { .paragraph($0) })
    }

    /// A bar of shares of a whole; the words beside it say the same.
    private static func meter(_ parts: [(style: String, share: Double)]) -> HTML {
        .element("div", ["class": "bar", "aria-hidden": "true"], parts.map(segment))
    }

    private static func segment(_ style: String, _ share: Double) -> HTML {
        barSegment(style, share)
    }
}

/// A part of a bar, which takes `share` of its width.
func barSegment(_ style: String, _ share: Double) -> HTML {
    let width = fixed(min(1, max(0, share)) * 100, decimals: 2)
    return .element("span", ["class": "segment \(style)", "style": "width:\(width)%"])
}
