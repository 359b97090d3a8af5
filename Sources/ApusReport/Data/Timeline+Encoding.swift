extension Timeline: Encodable {
    /// Columns instead of objects, and whole numbers of a tick instead of seconds: a tenth of the
    /// size.
    private enum Key: String, CodingKey {
        case tick, end, kinds, labels, stages
    }

    package func encode(to encoder: any Encoder) throws {
        let tick = Self.tick(for: end)
        var labels = LabelTable()
        let stages = stages.map { StageColumns($0, tick: tick, labels: &labels) }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(tick, forKey: .tick)
        try container.encode(end, forKey: .end)
        try container.encode(Kind.allCases.map { KindRecord($0) }, forKey: .kinds)
        try container.encode(labels.texts, forKey: .labels)
        try container.encode(stages, forKey: .stages)
    }

    /// The power of ten, in seconds, of which `end` has between a million and ten million.
    static func tick(for end: Double) -> Double {
        var perSecond = 1.0
        while perSecond < 1e12, end * perSecond < 1e6 { perSecond *= 10 }
        return 1 / perSecond
    }
}

/// Texts by number, each once.
private struct LabelTable {
    var texts: [String] = []
    private var numbers: [String: Int] = [:]

    mutating func number(of text: String) -> Int {
        if let number = numbers[text] { return number }
        numbers[text] = texts.count
        texts.append(text)
        return texts.count - 1
    }
}

private struct KindRecord: Encodable {
    var name: String
    var transfer: Bool

    init(_ kind: Timeline.Kind) {
        name = kind.rawValue
        transfer = kind.isTransfer
    }
}

/// The events of a stage by column; −1 stands for "none".
private struct StageColumns: Encodable {
    var name: String
    var label: [Int]
    var kind: [Int]
    var batch: [Int]
    var layer: [Int]
    var bytes: [Int]
    var count: [Int]
    var lanes: [LaneColumns]

    init(_ stage: Timeline.Stage, tick: Double, labels: inout LabelTable) {
        name = stage.name
        label = stage.events.map { labels.number(of: $0.label) }
        kind = stage.events.map { Timeline.Kind.allCases.firstIndex(of: $0.kind) ?? 0 }
        batch = stage.events.map { $0.microBatch ?? -1 }
        layer = stage.events.map { $0.layer ?? -1 }
        bytes = stage.events.map { $0.plannedBytes ?? -1 }
        // Most pages join nothing.
        count = stage.events.allSatisfy { $0.count == 1 } ? [] : stage.events.map(\.count)
        lanes = stage.lanes.map { LaneColumns($0, tick: tick) }
    }
}

private struct LaneColumns: Encodable {
    var name: String
    var origin: Origin
    var start: [Int]
    var length: [Int]
    var bytes: [Int]

    init(_ lane: Timeline.Lane, tick: Double) {
        name = lane.name
        origin = lane.origin
        start = lane.spans.map { span in span.map { Int(($0.start / tick).rounded()) } ?? -1 }
        length = lane.spans.map { span in
            span.map { Int((($0.end - $0.start) / tick).rounded()) } ?? 0
        }
        bytes = lane.actualBytes.map { $0 ?? -1 }
    }
}
