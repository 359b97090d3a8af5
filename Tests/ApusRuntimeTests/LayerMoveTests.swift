import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import Foundation
import Testing

@testable import ApusRuntime

@Suite("Layers that move between stages in a run", .serialized, .timeLimit(.minutes(2)))
struct LayerMoveTests {
    static let model = Model(
        layerCount: 6, hiddenSize: 32, headCount: 4, keyValueHeadCount: 2, headDim: 8,
        expertCount: 4, topK: 2, expertHiddenSize: 48, vocabularySize: 320, tiesEmbeddings: true)

    static let jobs: [LocalJob] = {
        var neighbours = LocalJob(
            model: model, degrees: Degrees(pipeline: 2, data: 2, expert: 2), microBatches: 4)
        neighbours.moves = [2: [2, 4], 4: [5, 1]]
        // From the first stage to the last and back, over the one between.
        var far = LocalJob(model: model, degrees: Degrees(pipeline: 3, data: 2), microBatches: 4)
        far.layersPerStage = [4, 1, 1]
        far.moves = [1: [1, 1, 4], 3: [4, 1, 1]]
        far.placement = .innermost
        var interleaved = LocalJob(
            model: model, degrees: Degrees(pipeline: 2, data: 2, expert: 2), microBatches: 4)
        interleaved.schedule = .interleaved
        interleaved.chunks = 2
        interleaved.moves = [2: [1, 2, 1, 2]]
        var bent = interleaved
        bent.schedule = .zeroBubbleV
        bent.moves = [3: [1, 1, 1, 3]]
        return [neighbours, far, interleaved, bent]
    }()

    @Test(
        "losses, norms and weights are to the bit those of a run in which they stay",
        .enabled(if: LayoutEquivalenceTests.hasEngine), arguments: jobs.indices)
    func keepsBits(index: Int) throws {
        let engine = try #require(try LocalJob.engine())
        let moving = Self.jobs[index]
        var staying = moving
        staying.moves = [:]
        let expected = try staying.run(engine)
        let outcome = try moving.run(engine)
        #expect(outcome.losses.count == 5)
        #expect(outcome.losses == expected.losses)
        #expect(outcome.gradientNorms == expected.gradientNorms)
        #expect(outcome.parameters == expected.parameters)
        #expect(outcome.differingCopies.isEmpty)
    }

    @Test("only layers whose stage changes travel, in an order that all ranks share")
    func listsMoves() throws {
        func program(_ layers: [Int]) throws -> Program {
            let plan = Plan(
                degrees: Degrees(pipeline: 3), layersPerStage: layers, buckets: [])
            return try compile(
                model: Self.model, plan: plan,
                shape: StepShape(sequenceLength: 16, sequencesPerMicroBatch: 1, microBatches: 3))
        }
        let move = LayerMove(old: try program([2, 2, 2]), new: try program([1, 4, 1]))
        #expect(
            move.entries == [
                .init(layer: 1, from: Stage(0), to: Stage(1)),
                .init(layer: 4, from: Stage(2), to: Stage(1)),
            ])
        #expect(LayerMove(old: move.old, new: move.old).entries.isEmpty)
    }

    @Test("a stage's compute time is the mean of its ranks', and idling that slows it counts")
    func averagesRanks() {
        let mesh = Mesh(Degrees(pipeline: 2, data: 2), placement: .innermost)
        var statistics = StepStatistics(model: Self.model, worldSize: 4)
        for rank in 0..<4 {
            statistics.setUse(
                rank: Rank(rank), memoryPeak: .zero, communication: 0, bubble: 0,
                computation: Double(rank + 1))
        }
        // Ranks 0 and 2 are on stage 0.
        #expect(statistics.computationMeans(by: mesh) == [2, 3])
        var watches = [1.0, 3].map { slowness in
            var watch = ComputationWatch(device: .cpu)
            watch.slowness = slowness
            return watch
        }
        var spent = [0.0, 0]
        for index in watches.indices {
            let start = Date()
            watches[index].begin()
            var sum = 0.0
            for number in 1...400_000 { sum += 1 / Double(number) }
            #expect(sum > 13)
            watches[index].end()
            spent[index] = Date().timeIntervalSince(start)
        }
        // The same work takes three times as long, give or take what the machine is disturbed.
        let ratio = watches[1].seconds / watches[0].seconds
        #expect(ratio > 1.5 && ratio < 6, "\(ratio)")
        #expect(spent[1] > 0.9 * watches[1].seconds)
    }
}
