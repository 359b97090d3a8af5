import ApusCost
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Layers of a stage")
struct StageLayersTests {
    private func counts(
        _ schedule: Plan.Schedule, chunks: Int = 1, layers: Int = 8, named: [Int]? = nil
    ) -> [Int] {
        var plan = Plan.small(pipeline: 2, schedule: schedule)
        plan.chunksPerRank = chunks
        plan.layersPerStage = named
        let model = Model.small(layerCount: layers)
        return (0..<2).map { StageLayers(stage: $0, plan: plan, model: model).count }
    }

    @Test("a stage holds every chunk that its rank holds, named or not")
    func holdsChunks() {
        #expect(counts(.interleaved, chunks: 2) == [4, 4])
        #expect(counts(.interleaved, chunks: 2, layers: 7) == [4, 3])
        #expect(counts(.interleaved, chunks: 2, named: [1, 2, 3, 2]) == [4, 4])
        #expect(counts(.interleaved, chunks: 2, named: [3, 2, 2, 1]) == [5, 3])
        #expect(counts(.zeroBubbleV, layers: 7) == [3, 4])
        #expect(counts(.oneForwardOneBackward, layers: 7) == [4, 3])
        #expect(counts(.oneForwardOneBackward, named: [3, 5]) == [3, 5])
    }

    @Test("chunks that a schedule does not know lie one after the other on their rank")
    func joinsChunks() {
        #expect(counts(.oneForwardOneBackward, chunks: 2, named: [1, 2, 3, 2]) == [3, 5])
    }
}
