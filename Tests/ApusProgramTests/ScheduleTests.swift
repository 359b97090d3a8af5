import ApusPlan
import Testing

@testable import ApusProgram

/// Every schedule, with the chunks that it can have.
struct ScheduleCase: CustomTestStringConvertible, Sendable {
    var schedule: Plan.Schedule
    var chunks: Int

    var testDescription: String { "\(schedule.name) \(chunks)" }

    func shape(_ stages: Int) -> VirtualStages {
        VirtualStages(stages: stages, chunks: chunks, isV: schedule.isV)
    }

    func schedule(_ stages: Int, _ microBatches: Int) -> PipelineSchedule {
        PipelineSchedule(schedule, on: shape(stages), microBatches: microBatches)
    }

    static let all: [ScheduleCase] = Plan.Schedule.generated.flatMap { schedule in
        let chunks =
            switch schedule {
            case .gpipe, .oneForwardOneBackward, .zeroBubbleH1, .written: [1]
            case .interleaved: [1, 2, 3, 4]
            case .zeroBubbleV, .dualPipeV: [2]
            }
        return chunks.map { ScheduleCase(schedule: schedule, chunks: $0) }
    }
}

@Suite("Every schedule, for 1 to 8 stages and 1 to 32 micro-batches")
struct ScheduleTests {
    @Test("runs each pass of each micro-batch once, in order", arguments: ScheduleCase.all)
    func isComplete(example: ScheduleCase) {
        forEachSize { stages, microBatches in
            let schedule = example.schedule(stages, microBatches)
            for entries in schedule.entries {
                for chunk in 0..<example.chunks {
                    let own = entries.filter { $0.chunk == chunk }
                    let forwards = own.filter { $0.pass == .forward }
                    let inputs = own.filter { $0.pass == .backward || $0.pass == .inputBackward }
                    let weights = own.filter { $0.pass == .backward || $0.pass == .weightBackward }
                    for list in [forwards, inputs, weights] {
                        #expect(list.map(\.microBatch) == Array(0..<microBatches))
                    }
                }
            }
        }
    }

    @Test("ends, no sooner than it can and no later than 1F1B", arguments: ScheduleCase.all)
    func ends(example: ScheduleCase) {
        forEachSize { stages, microBatches in
            let timeline = ScheduleTimeline(example.schedule(stages, microBatches))
            #expect(timeline.stuck.isEmpty)
            // A stage has three passes of each chunk and micro-batch, and the last one waits until
            // the first micro-batch has come through the stages before it.
            let work = 3 * microBatches * example.chunks
            #expect(timeline.length >= work + (example.schedule.isV ? 0 : stages - 1))
            let plain = 3 * (microBatches + stages - 1) * example.chunks
            #expect(timeline.length <= plain)
        }
    }

    /// The formulas of the papers, at equal costs.
    ///
    /// Sources: Narayanan et al. 2021, §2.2; Qi et al. 2024, "Zero Bubble Pipeline Parallelism",
    /// table 1; Qi et al. 2024, "Pipeline Parallelism with Controllable Memory"; the DualPipe
    /// repository, table of bubbles, which DualPipe-V betters where a forward beside a backward
    /// takes as long as both.
    @Test("idles as its paper says where the paper's conditions hold", arguments: ScheduleCase.all)
    func idles(example: ScheduleCase) {
        forEachSize { stages, microBatches in
            let timeline = ScheduleTimeline(example.schedule(stages, microBatches))
            let work = 3 * microBatches * example.chunks
            let idle = timeline.length - work
            switch example.schedule {
            case .gpipe, .oneForwardOneBackward:
                #expect(idle == 3 * (stages - 1))
            case .interleaved where microBatches.isMultiple(of: stages):
                #expect(idle == 3 * (stages - 1))
            case .zeroBubbleH1 where microBatches >= stages:
                #expect(idle == stages - 1)
            case .zeroBubbleV where microBatches >= 2 * stages:
                #expect(timeline.stageLengthMax == work)
            case .dualPipeV where microBatches >= 2 * stages:
                #expect(idle <= 2 * (stages - 1))
            case .interleaved, .zeroBubbleH1, .zeroBubbleV, .dualPipeV, .written:
                break
            }
        }
    }

    /// In activations of one chunk; a whole stage's are as many as it has chunks.
    @Test("holds no more micro-batches than its paper says", arguments: ScheduleCase.all)
    func boundsMemory(example: ScheduleCase) {
        forEachSize { stages, microBatches in
            let schedule = example.schedule(stages, microBatches)
            for (stage, entries) in schedule.entries.enumerated() {
                var (held, peak) = (0, 0)
                for entry in entries {
                    switch entry.pass {
                    case .forward: held += 1
                    case .backward, .weightBackward: held -= 1
                    case .inputBackward: break
                    }
                    peak = max(peak, held)
                }
                #expect(held == 0)
                let chunks = example.chunks
                let most =
                    switch example.schedule {
                    case .gpipe, .written: microBatches
                    case .oneForwardOneBackward: stages - stage
                    case .zeroBubbleH1: stages
                    case .zeroBubbleV: 2 * stages
                    case .dualPipeV: 2 * stages + 1
                    // Groups of up to twice as many micro-batches as there are stages.
                    case .interleaved:
                        (chunks - 1) * max(stages, 2 * stages - 1) + 2 * (stages - stage - 1) + 1
                    }
                #expect(peak <= min(most, microBatches * chunks))
            }
        }
    }

    private func forEachSize(_ body: (_ stages: Int, _ microBatches: Int) -> Void) {
        for stages in 1...8 {
            for microBatches in 1...32 { body(stages, microBatches) }
        }
    }
}
