import ApusBase
import ApusTestSupport
import Testing

@testable import ApusPlan
@testable import ApusProgram

@Suite("A written schedule")
struct WrittenScheduleTests {
    /// The schedule as a file of its own.
    private func text(of schedule: PipelineSchedule) -> String {
        schedule.entries.enumerated().map { stage, entries in
            entries.map { entry in
                let index = schedule.virtualStages.index(stage: stage, chunk: entry.chunk)
                return "\(index)\(entry.pass.rawValue)\(entry.microBatch)"
            }.joined(separator: ",")
        }.joined(separator: "\n")
    }

    @Test("every generated schedule, written down, reads back", arguments: ScheduleCase.all)
    func readsBack(example: ScheduleCase) {
        for stages in 1...6 {
            for microBatches in [1, 2, 3, 7, 16] {
                let schedule = example.schedule(stages, microBatches)
                var reader = ScheduleReader(file: "x.csv")
                let read = reader.read(text(of: schedule))
                #expect(reader.problems.isEmpty, "\(reader.problems)")
                #expect(read?.entries == schedule.entries)
                #expect(read?.virtualStages.count == schedule.virtualStages.count)
            }
        }
    }

    @Test("swapping any two passes of a row is told, or leaves a schedule that ends")
    func survivesSwaps() {
        let schedule = ScheduleCase(schedule: .zeroBubbleH1, chunks: 1).schedule(3, 4)
        var refused = 0
        for stage in schedule.entries.indices {
            for (one, other) in pairs(schedule.entries[stage].count) {
                var entries = schedule.entries
                entries[stage].swapAt(one, other)
                let damaged = PipelineSchedule(
                    virtualStages: schedule.virtualStages, microBatches: 4, entries: entries)
                var reader = ScheduleReader(file: "x.csv")
                if reader.read(text(of: damaged)) == nil {
                    refused += 1
                } else {
                    #expect(damaged.stageSchedules != nil)
                }
            }
        }
        #expect(refused > 100)
    }

    private func pairs(_ count: Int) -> [(Int, Int)] {
        (0..<count).flatMap { one in ((one + 1)..<count).map { (one, $0) } }
    }

    /// The example of docs/schedules.md, from the page itself.
    private func example() throws -> PipelineSchedule {
        let page = try Repository.text("docs/schedules.md")
        let csv = try #require(page.firstMatch(of: /```csv\n([^`]*)```/)).1
        var reader = ScheduleReader(file: "docs/schedules.md")
        let schedule = reader.read(String(csv))
        #expect(reader.problems.isEmpty, "\(reader.problems)")
        return try #require(schedule)
    }

    @Test("the example of the documents idles in one column of 13")
    func servesAsExample() throws {
        let schedule = try example()
        let timeline = ScheduleTimeline(schedule)
        #expect(timeline.length == 13)
        #expect(timeline.length - 3 * schedule.microBatches == 1)
        let straight = ScheduleCase(schedule: .oneForwardOneBackward, chunks: 1).schedule(2, 4)
        #expect(ScheduleTimeline(straight).length == 15)
    }

    @Test("its program is proven, and so is that of every other written schedule")
    func isProven() throws {
        for (schedule, data) in [
            (try example(), 2), (ScheduleCase(schedule: .zeroBubbleV, chunks: 2).schedule(3, 7), 1),
        ] {
            let written = WrittenSchedule(file: "x.csv", schedule: schedule)
            let plan = Plan(
                degrees: Degrees(pipeline: schedule.virtualStages.stages, data: data, expert: data),
                schedule: .written(written), buckets: [])
            let shape = StepShape(
                sequenceLength: 16, sequencesPerMicroBatch: 1, microBatches: schedule.microBatches)
            let program = try compile(model: .small(layerCount: 6), plan: plan, shape: shape)
            #expect(program.verify().isEmpty)
            var other = shape
            other.microBatches += 1
            #expect(throws: Problems.self) {
                try compile(model: .small(layerCount: 6), plan: plan, shape: other)
            }
        }
    }
}
