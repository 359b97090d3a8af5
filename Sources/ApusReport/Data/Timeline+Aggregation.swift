extension Timeline {
    /// How alike neighbours have to be to be drawn as one, in the order in which it is tried.
    private enum Likeness: CaseIterable {
        case layer, microBatch, kind

        var words: String {
            switch self {
            case .layer: "the same layer and micro-batch"
            case .microBatch: "the same micro-batch"
            case .kind: "the same kind"
            }
        }

        func joins(_ first: Event, _ second: Event) -> Bool {
            guard first.kind == second.kind else { return false }
            switch self {
            case .layer:
                return first.microBatch == second.microBatch && first.layer == second.layer
            case .microBatch: return first.microBatch == second.microBatch
            case .kind: return true
            }
        }
    }

    /// The timeline with neighbours drawn as one until it weighs no more than `weightMax`, and what
    /// was done to it, for the page to say.
    ///
    /// What is joined depends on the events alone, never on their times.
    package func fitting(weightMax: Int) -> (timeline: Timeline, note: String?) {
        guard weight > weightMax else { return (self, nil) }
        var joined = self
        for likeness in Likeness.allCases {
            joined = joined.joining { first, second, _ in likeness.joins(first, second) }
            if joined.weight <= weightMax {
                return (joined, note(joined, "neighbours of \(likeness.words)"))
            }
        }
        var countMax = 2
        while joined.weight > weightMax {
            // Each pass at least halves the boxes of a band, so this ends.
            let smaller = joined.joining { _, _, size in size < countMax }
            if smaller.weight == joined.weight { break }
            joined = smaller
            countMax *= 2
        }
        return (joined, note(joined, "neighbours of any kind"))
    }

    private func note(_ joined: Timeline, _ what: String) -> String {
        "\(eventCount) instructions are drawn as \(joined.eventCount) boxes, because the page "
            + "would grow too large: \(what) are joined."
    }

    /// Joins each event with the last box of its band where `isJoined(box, event, size)` says so,
    /// `size` being how many events the box holds by now.
    private func joining(_ isJoined: (Event, Event, Int) -> Bool) -> Timeline {
        Timeline(stages: stages.map { $0.joining(isJoined) })
    }
}

extension Timeline.Stage {
    fileprivate func joining(
        _ isJoined: (Timeline.Event, Timeline.Event, Int) -> Bool
    ) -> Timeline.Stage {
        var boxes: [Box] = []
        /// The last box of computation and of transfers.
        var open: [Bool: Int] = [:]
        for (index, event) in events.enumerated() {
            let band = event.kind.isTransfer
            if let last = open[band],
                isJoined(events[boxes[last].members[0]], event, boxes[last].members.count)
            {
                boxes[last].members.append(index)
            } else {
                open[band] = boxes.count
                boxes.append(Box(members: [index]))
            }
        }
        return Timeline.Stage(
            name, events: boxes.map { $0.event(of: events) },
            lanes: lanes.map { lane in
                Timeline.Lane(
                    lane.name, lane.origin, spans: boxes.map { $0.span(of: lane.spans) },
                    actualBytes: lane.actualBytes.isEmpty
                        ? [] : boxes.map { $0.sum(of: lane.actualBytes) })
            })
    }
}

/// Events that are drawn as one.
private struct Box {
    var members: [Int]

    func event(of events: [Timeline.Event]) -> Timeline.Event {
        let all = members.map { events[$0] }
        var event = all[0]
        guard all.count > 1 else { return event }
        event.count = all.map(\.count).reduce(0, +)
        event.label = "\(all[0].firstLabel) … \(all[all.count - 1].lastLabel)"
        if all.contains(where: { $0.microBatch != event.microBatch }) { event.microBatch = nil }
        if all.contains(where: { $0.layer != event.layer }) { event.layer = nil }
        if all.contains(where: { $0.kind != event.kind }) { event.kind = .other }
        event.plannedBytes = sum(of: events.map(\.plannedBytes))
        return event
    }

    func span(of spans: [Timeline.Span?]) -> Timeline.Span? {
        let all = members.compactMap { spans[$0] }
        guard let first = all.first else { return nil }
        return all.reduce(into: first) { whole, span in
            whole.start = min(whole.start, span.start)
            whole.end = max(whole.end, span.end)
        }
    }

    func sum(of values: [Int?]) -> Int? {
        let all = members.compactMap { values[$0] }
        return all.isEmpty ? nil : all.reduce(0, +)
    }
}

extension Timeline.Event {
    fileprivate var firstLabel: Substring { label.split(separator: " … ").first ?? "" }
    fileprivate var lastLabel: Substring { label.split(separator: " … ").last ?? "" }
}
