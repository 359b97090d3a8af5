/// When each entry of a schedule runs, at equal costs of all virtual stages and without time on the
/// wire.
///
/// The compiler takes from it where a send is surely received, the reader of a written schedule
/// whether it ends, and the cost model its bubble.
package struct ScheduleTimeline {
    /// What each pass takes of a virtual stage, in a unit of the caller's.
    package struct Costs: Hashable, Sendable {
        package var forward = 1
        package var inputBackward = 1
        package var weightBackward = 1

        package init() {}

        func time(of pass: ScheduleEntry.Pass) -> Int {
            switch pass {
            case .forward: forward
            case .backward: inputBackward + weightBackward
            case .inputBackward: inputBackward
            case .weightBackward: weightBackward
            }
        }
    }

    package struct Span: Hashable, Sendable {
        package var start: Int
        package var end: Int
    }

    /// By stage, one for each entry that can run.
    package private(set) var spans: [[Span]]
    private let schedule: PipelineSchedule
    private let costs: Costs
    /// When a micro-batch is through a virtual stage: forward, backward for its input, and for its
    /// weights; by virtual stage and micro-batch.
    private var done: [[Int?]]

    package init(_ schedule: PipelineSchedule, costs: Costs = Costs()) {
        self.schedule = schedule
        self.costs = costs
        spans = schedule.entries.map { _ in [] }
        let cells = schedule.virtualStages.count * schedule.microBatches
        done = Array(repeating: Array(repeating: nil, count: cells), count: 3)
        var waiting = Array(schedule.entries.indices)
        while let stage = waiting.popLast() {
            let others = run(stage)
            waiting += others.filter { !waiting.contains($0) }
        }
    }

    /// The stages that wait forever, with the entry that they wait at.
    package var stuck: [(stage: Int, entry: ScheduleEntry)] {
        schedule.entries.indices.compactMap { stage in
            let next = spans[stage].count
            let entries = schedule.entries[stage]
            return next < entries.count ? (stage, entries[next]) : nil
        }
    }

    /// The time from the first entry to the last, over all stages.
    package var length: Int { spans.compactMap { $0.last?.end }.max() ?? 0 }

    /// The longest time that one stage takes from its own first entry to its last.
    package var stageLengthMax: Int {
        spans.compactMap { spans in
            guard let first = spans.first, let last = spans.last else { return nil }
            return last.end - first.start
        }.max() ?? 0
    }

    /// Runs a stage until it has to wait, and returns the stages that may go on now.
    private mutating func run(_ stage: Int) -> Set<Int> {
        let shape = schedule.virtualStages
        var woken: Set<Int> = []
        while spans[stage].count < schedule.entries[stage].count {
            let entry = schedule.entries[stage][spans[stage].count]
            let index = shape.index(stage: stage, chunk: entry.chunk)
            guard let ready = ready(entry, index) else { break }
            let start = max(ready, spans[stage].last?.end ?? 0)
            let end = start + costs.time(of: entry.pass)
            spans[stage].append(Span(start: start, end: end))
            let cell = cell(index, entry.microBatch)
            switch entry.pass {
            case .forward: done[0][cell] = end
            case .inputBackward: done[1][cell] = end
            case .weightBackward: done[2][cell] = end
            case .backward: (done[1][cell], done[2][cell]) = (end, end)
            }
            for next in [index - 1, index + 1] where (0..<shape.count).contains(next) {
                woken.insert(shape.stage(of: next))
            }
        }
        woken.remove(stage)
        return woken
    }

    /// When what an entry needs is there, or `nil` where it is not yet.
    private func ready(_ entry: ScheduleEntry, _ index: Int) -> Int? {
        let last = schedule.virtualStages.count - 1
        switch entry.pass {
        case .forward:
            return index == 0 ? 0 : done[0][cell(index - 1, entry.microBatch)]
        case .backward, .inputBackward:
            guard let own = done[0][cell(index, entry.microBatch)] else { return nil }
            guard index < last else { return own }
            return done[1][cell(index + 1, entry.microBatch)].map { max(own, $0) }
        case .weightBackward:
            return done[1][cell(index, entry.microBatch)]
        }
    }

    private func cell(_ index: Int, _ microBatch: Int) -> Int {
        index * schedule.microBatches + microBatch
    }
}
