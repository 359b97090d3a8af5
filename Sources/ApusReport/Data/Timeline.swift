/// The instructions of a step and when each rank performs them.
///
/// The ranks of a stage perform one list, so a stage has its events once, and a lane per rank (or
/// per class of ranks that agree) whose spans stand in the order of the events.
package struct Timeline: Hashable, Sendable {
    /// What an instruction does; the picture has a colour and a pattern for each.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case forward, recompute, backward
        case weightGradient = "weight gradient"
        case optimizer, wait
        case expertTransfer = "expert transfer"
        case stageTransfer = "stage transfer"
        case sliceTransfer = "tensor transfer"
        case reduction = "gradient reduction"
        case other

        /// Whether it runs on a queue beside computation.
        package var isTransfer: Bool {
            switch self {
            case .expertTransfer, .stageTransfer, .sliceTransfer, .reduction: true
            case .forward, .recompute, .backward, .weightGradient, .optimizer, .wait, .other: false
            }
        }
    }

    /// An instruction, or several in a row that are drawn as one.
    package struct Event: Hashable, Sendable {
        /// The instruction's text.
        package var label: String
        package var kind: Kind
        package var microBatch: Int?
        package var layer: Int?
        package var plannedBytes: Int?
        /// How many instructions it stands for.
        package var count = 1

        package init(
            _ label: String, _ kind: Kind, microBatch: Int? = nil, layer: Int? = nil,
            plannedBytes: Int? = nil
        ) {
            self.label = label
            self.kind = kind
            self.microBatch = microBatch
            self.layer = layer
            self.plannedBytes = plannedBytes
        }
    }

    /// From when to when, in seconds from the start of the step.
    package struct Span: Hashable, Sendable {
        package var start: Double
        package var end: Double

        package init(_ start: Double, _ end: Double) {
            self.start = start
            self.end = end
        }
    }

    /// The times of one rank, or of ranks that agree; one span per event, `nil` where it has none.
    package struct Lane: Hashable, Sendable {
        package var name: String
        package var origin: Origin
        package var spans: [Span?]
        /// Bytes that were moved, where they were counted.
        package var actualBytes: [Int?]

        package init(_ name: String, _ origin: Origin, spans: [Span?], actualBytes: [Int?] = []) {
            precondition(actualBytes.isEmpty || actualBytes.count == spans.count)
            self.name = name
            self.origin = origin
            self.spans = spans
            self.actualBytes = actualBytes
        }
    }

    package struct Stage: Hashable, Sendable {
        package var name: String
        package var events: [Event]
        package var lanes: [Lane]

        package init(_ name: String, events: [Event], lanes: [Lane]) {
            precondition(lanes.allSatisfy { $0.spans.count == events.count })
            self.name = name
            self.events = events
            self.lanes = lanes
        }
    }

    package var stages: [Stage]

    package init(stages: [Stage]) { self.stages = stages }

    /// When the last event ends.
    package var end: Double {
        stages.flatMap(\.lanes).flatMap(\.spans).compactMap { $0?.end }.max() ?? 0
    }

    package var eventCount: Int { stages.map(\.events.count).reduce(0, +) }

    /// How much of the page it takes: an event with its text weighs about four spans.
    package var weight: Int {
        stages.map { $0.events.count * (4 + $0.lanes.count) }.reduce(0, +)
    }

    package func has(_ origin: Origin) -> Bool {
        stages.contains { $0.lanes.contains { $0.origin == origin } }
    }
}
