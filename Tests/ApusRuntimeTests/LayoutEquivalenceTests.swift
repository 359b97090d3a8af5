import ApusEngine
import ApusPlan
import Foundation
import Testing

@testable import ApusRuntime

/// Layouts against one rank, by the table of `docs/equivalence.md`.
@Suite(
    "Every layout computes what one rank computes", .serialized, .timeLimit(.minutes(4)))
struct LayoutEquivalenceTests {
    static let model = Model(
        layerCount: 4, hiddenSize: 32, headCount: 4, keyValueHeadCount: 2, headDim: 8,
        expertCount: 4, topK: 2, expertHiddenSize: 48, vocabularySize: 320, tiesEmbeddings: true)

    struct Case: CustomTestStringConvertible, Sendable {
        var degrees: Degrees
        var microBatches: Int

        var testDescription: String {
            "pp\(degrees.pipeline) dp\(degrees.data) ep\(degrees.expert) m\(microBatches)"
        }
    }

    static let cases: [Case] = [
        Degrees(), Degrees(pipeline: 2), Degrees(pipeline: 4), Degrees(data: 2), Degrees(data: 4),
        Degrees(data: 4, expert: 2), Degrees(data: 4, expert: 4),
        Degrees(pipeline: 2, data: 2, expert: 2), Degrees(pipeline: 2, data: 4, expert: 4),
    ].flatMap { degrees in
        [1, 2, 4].filter { LocalJob.sequencesPerStep / degrees.data % $0 == 0 }
            .map { Case(degrees: degrees, microBatches: $0) }
    }

    private static func engine() throws -> Engine { try #require(try LocalJob.engine()) }
    static var hasEngine: Bool {
        Engine.locate(environment: ProcessInfo.processInfo.environment) != nil
    }

    @Test("in loss, gradients, norm and weights", .enabled(if: hasEngine), arguments: cases)
    func agrees(layout: Case) throws {
        let engine = try Self.engine()
        let reference = try LocalJob(model: Self.model, degrees: Degrees(), microBatches: 1)
            .run(engine)
        let outcome = try LocalJob(
            model: Self.model, degrees: layout.degrees, microBatches: layout.microBatches
        ).run(engine)
        for (loss, expected) in zip(outcome.losses, reference.losses) {
            #expect(abs(loss / expected - 1) < 1e-6)
        }
        #expect(outcome.differingCopies.isEmpty)
        #expect(greatestDistance(outcome.gradients, reference.gradients) < 1e-5)
        #expect(greatestDistance(outcome.parameters, reference.parameters) < 1e-5)
        let norms = try #require(outcome.gradientNorms.first)
        #expect(outcome.gradientNorms.allSatisfy { $0 == norms })
        for (norm, expected) in zip(norms, reference.gradientNorms[0]) {
            #expect(abs(norm / expected - 1) < 1e-6)
        }
    }

    /// One layout that pipelines, shares experts and has several micro-batches.
    private func job() -> LocalJob {
        LocalJob(
            model: Self.model, degrees: Degrees(pipeline: 2, data: 2, expert: 2), microBatches: 4)
    }

    @Test("to the bit, when it is run again", .enabled(if: hasEngine))
    func repeats() throws {
        let engine = try Self.engine()
        #expect(try job().run(engine) == job().run(engine))
    }

    @Test("to the bit, whatever the schedule, recomputation and placement", .enabled(if: hasEngine))
    func keepsBits() throws {
        let engine = try Self.engine()
        let reference = try job().run(engine)
        var gpipe = job()
        gpipe.schedule = .gpipe
        #expect(try gpipe.run(engine) == reference)
        var recomputing = job()
        recomputing.recompute = .full
        #expect(try recomputing.run(engine) == reference)
        var innermost = job()
        innermost.placement = .innermost
        #expect(try innermost.run(engine) == reference)
    }

    /// The head is untied: a V holds both ends of the model on one rank, where a tied weight's two
    /// gradients are added in another order.
    @Test(
        "to the bit, in every schedule", .enabled(if: hasEngine),
        arguments: [Degrees(pipeline: 4), Degrees(pipeline: 2, data: 2, expert: 2)])
    func schedulesAgree(degrees: Degrees) throws {
        let engine = try Self.engine()
        var job = LocalJob(model: Self.model, degrees: degrees, microBatches: 8)
        job.model.tiesEmbeddings = false
        job.model.layerCount = 8
        let reference = try job.run(engine)
        for schedule in Plan.Schedule.generated {
            for recompute in [Plan.Recompute.none, .full] {
                var other = job
                other.schedule = schedule
                other.recompute = recompute
                other.chunks = schedule == .interleaved ? 2 : 1
                #expect(try other.run(engine) == reference, "\(schedule.name)")
            }
        }
        job.schedule = .written(Self.halved(stages: degrees.pipeline, microBatches: 8))
        #expect(try job.run(engine) == reference, "written")
        job.schedule = .zeroBubbleV
        job.model.tiesEmbeddings = true
        let tied = try job.run(engine)
        job.schedule = .gpipe
        #expect(greatestDistance(tied.parameters, try job.run(engine).parameters) < 1e-5)
    }

    /// A schedule as nobody generates it: every forward, then every first half of backward, then
    /// the weights' halves.
    private static func halved(stages: Int, microBatches: Int) -> WrittenSchedule {
        let passes: [ScheduleEntry.Pass] = [.forward, .inputBackward, .weightBackward]
        let row = passes.flatMap { pass in (0..<microBatches).map { ScheduleEntry(pass, $0) } }
        return WrittenSchedule(
            file: "halved.csv",
            schedule: PipelineSchedule(
                virtualStages: VirtualStages(stages: stages), microBatches: microBatches,
                entries: Array(repeating: row, count: stages)))
    }

    @Test("without clipping, with more data ranks than expert ranks", .enabled(if: hasEngine))
    func unclipped() throws {
        let engine = try Self.engine()
        var reference = LocalJob(model: Self.model, degrees: Degrees(), microBatches: 1)
        reference.settings.gradientClip = 0
        var layout = LocalJob(
            model: Self.model, degrees: Degrees(pipeline: 2, data: 4, expert: 2), microBatches: 2)
        layout.settings.gradientClip = 0
        layout.recompute = .full
        let (expected, outcome) = (try reference.run(engine), try layout.run(engine))
        #expect(outcome.differingCopies.isEmpty)
        #expect(greatestDistance(outcome.gradients, expected.gradients) < 1e-5)
        #expect(greatestDistance(outcome.parameters, expected.parameters) < 1e-5)
    }

    @Test("with an untied head too", .enabled(if: hasEngine))
    func untied() throws {
        let engine = try Self.engine()
        var reference = LocalJob(model: Self.model, degrees: Degrees(), microBatches: 1)
        reference.model.tiesEmbeddings = false
        var layout = job()
        layout.model.tiesEmbeddings = false
        let (expected, outcome) = (try reference.run(engine), try layout.run(engine))
        #expect(greatestDistance(outcome.gradients, expected.gradients) < 1e-5)
        #expect(greatestDistance(outcome.parameters, expected.parameters) < 1e-5)
    }
}
