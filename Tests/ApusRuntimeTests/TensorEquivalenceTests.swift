import ApusEngine
import ApusPlan
import Foundation
import Testing

@testable import ApusRuntime

/// Tensor parallelism carved out of the data axis, by the table of `docs/equivalence.md`.
@Suite(
    "Slices of attention compute what one rank computes", .serialized, .timeLimit(.minutes(4)))
struct TensorEquivalenceTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var degrees: Degrees
        var tensor: Int
        var microBatches: Int
        var recompute = Plan.Recompute.none

        var testDescription: String {
            "pp\(degrees.pipeline) dp\(degrees.data) ep\(degrees.expert) tp\(tensor) "
                + "m\(microBatches) \(recompute.rawValue)"
        }
    }

    /// The model has four heads of queries and two of keys, so four slices share keys.
    static let cases: [Case] = [
        (Degrees(data: 2), 2), (Degrees(data: 4), 2), (Degrees(data: 4), 4),
        (Degrees(data: 2, expert: 2), 2), (Degrees(data: 4, expert: 2), 2),
        (Degrees(data: 4, expert: 4), 2), (Degrees(pipeline: 2, data: 2), 2),
        (Degrees(pipeline: 2, data: 4, expert: 4), 2),
        (Degrees(pipeline: 2, data: 4, expert: 2), 4),
    ].flatMap { degrees, tensor in
        [1, 4].flatMap { microBatches in
            [Plan.Recompute.none, .full].map {
                Case(
                    degrees: degrees, tensor: tensor, microBatches: microBatches, recompute: $0)
            }
        }
    }

    private static func engine() throws -> Engine { try #require(try LocalJob.engine()) }
    private static let model = LayoutEquivalenceTests.model

    private func job(_ layout: Case) -> LocalJob {
        var job = LocalJob(
            model: Self.model, degrees: layout.degrees, microBatches: layout.microBatches)
        job.tensorParallel = layout.tensor
        job.recompute = layout.recompute
        return job
    }

    @Test(
        "in loss, gradients, norm and weights", .enabled(if: LayoutEquivalenceTests.hasEngine),
        arguments: cases)
    func agrees(layout: Case) throws {
        let engine = try Self.engine()
        let reference = try LocalJob(model: Self.model, degrees: Degrees(), microBatches: 1)
            .run(engine)
        let outcome = try job(layout).run(engine)
        for (loss, expected) in zip(outcome.losses, reference.losses) {
            #expect(abs(loss / expected - 1) < 1e-5)
        }
        #expect(outcome.differingCopies.isEmpty)
        #expect(greatestDistance(outcome.gradients, reference.gradients) < 1e-4)
        #expect(greatestDistance(outcome.parameters, reference.parameters) < 1e-4)
        let norms = try #require(outcome.gradientNorms.first)
        #expect(outcome.gradientNorms.allSatisfy { $0 == norms })
        for (norm, expected) in zip(norms, reference.gradientNorms[0]) {
            #expect(abs(norm / expected - 1) < 1e-6)
        }
    }

    @Test(
        "to the bit, with recomputation, in every schedule and when run again",
        .enabled(if: LayoutEquivalenceTests.hasEngine))
    func keepsBits() throws {
        let engine = try Self.engine()
        var layout = Case(
            degrees: Degrees(pipeline: 2, data: 2, expert: 2), tensor: 2, microBatches: 8)
        var job = job(layout)
        // A V holds both ends of the model on one rank, which adds a tied weight in other order.
        job.model.tiesEmbeddings = false
        let reference = try job.run(engine)
        #expect(try job.run(engine) == reference)
        layout.recompute = .full
        for schedule in Plan.Schedule.generated {
            var other = self.job(layout)
            other.model.tiesEmbeddings = false
            other.schedule = schedule
            other.chunks = schedule == .interleaved ? 2 : 1
            #expect(try other.run(engine) == reference, "\(schedule.name)")
        }
    }

    @Test("each slice has its query heads and the keys they attend to", arguments: [1, 2, 4, 8])
    func slicesHeads(ranks: Int) {
        let model = Model(
            layerCount: 1, hiddenSize: 64, headCount: 8, keyValueHeadCount: 2, headDim: 8,
            expertCount: 4, topK: 2, expertHiddenSize: 48, vocabularySize: 320,
            tiesEmbeddings: true)
        let slices = (0..<ranks).map { HeadSlice(model, index: $0, of: ranks) }
        #expect(slices.flatMap { Array($0.queryHeads) } == Array(0..<8))
        for slice in slices {
            #expect(Set(slice.queryHeads.map { $0 / 4 }) == Set(slice.keyValueHeads))
        }
    }
}
