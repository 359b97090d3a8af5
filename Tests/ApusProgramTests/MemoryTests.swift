import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("The slots of a program")
struct MemoryTests {
    private func peaks(
        _ schedule: Plan.Schedule, _ recompute: Plan.Recompute, stages: Int, microBatches: Int,
        tensor: Int = 1
    ) throws -> [Bytes] {
        let layout = Layout(
            degrees: Degrees(pipeline: stages, data: 2, expert: 2), schedule: schedule,
            microBatches: microBatches, recompute: recompute, tied: true, tensor: tensor)
        return try layout.program().classes.map(\.memoryPeak.size)
    }

    @Test(
        "hold at most as much with 1F1B as with GPipe, and less where less is in flight",
        arguments: [1, 2, 3, 4], [1, 2, 3, 5, 8])
    func holdsLessThanGPipe(stages: Int, microBatches: Int) throws {
        for recompute in [Plan.Recompute.none, .full] {
            let alternating = try peaks(
                .oneForwardOneBackward, recompute, stages: stages, microBatches: microBatches)
            let flushing = try peaks(
                .gpipe, recompute, stages: stages, microBatches: microBatches)
            for stage in 0..<stages {
                if stages - stage < microBatches {
                    #expect(alternating[stage] < flushing[stage])
                } else {
                    #expect(alternating[stage] <= flushing[stage])
                }
            }
        }
    }

    @Test(
        "hold less with recomputation where micro-batches wait", arguments: [2, 3, 4, 8], [1, 2])
    func recomputationSaves(microBatches: Int, tensor: Int) throws {
        for schedule in [Plan.Schedule.gpipe, .oneForwardOneBackward] {
            let kept = try peaks(
                schedule, .none, stages: 2, microBatches: microBatches, tensor: tensor)
            let recomputed = try peaks(
                schedule, .full, stages: 2, microBatches: microBatches, tensor: tensor)
            #expect(recomputed[0] < kept[0])
            // The last stage of 1F1B has one micro-batch in flight; it saves layers all the same.
            #expect(recomputed[1] < kept[1])
        }
    }

    @Test("hold no more with 1F1B when micro-batches are added beyond the stages")
    func isBounded() throws {
        let few = try peaks(.oneForwardOneBackward, .none, stages: 4, microBatches: 8)
        let many = try peaks(.oneForwardOneBackward, .none, stages: 4, microBatches: 64)
        #expect(few == many)
    }

    @Test("hold less the later the stage, with 1F1B")
    func decreasesWithStage() throws {
        let peaks = try peaks(.oneForwardOneBackward, .none, stages: 4, microBatches: 8)
        for (earlier, later) in zip(peaks, peaks.dropFirst()) { #expect(later < earlier) }
    }

    @Test("are counted by hand once: one rank, one layer, one micro-batch")
    func countsByHand() throws {
        let layout = Layout(
            degrees: Degrees(), schedule: .gpipe, microBatches: 1, recompute: .none, tied: true,
            layerCount: 1)
        let program = try layout.program()
        // 32 tokens; embedding, attention, experts and residual keep their states until backward.
        let states = program.classes[0].slots.filter { $0.kind == .state }
        #expect(states.count == 5)
        let hidden = 32 * 64 * 4
        let embedding = 32 * 8
        let norm = 2 * hidden + 32 * 4
        let heads = 32 * ((2 * 64 + 2 * 32) * 4 + 4 * 4)
        let router = norm + 32 * 8 * 4 + 3 * 64 * 4 + 64 * 8
        let experts = 64 * (64 + 3 * 96) * 4
        let residual = 2 * hidden + 64 * 4
        // The gradient of 32 tokens' scores among 512 is smaller than that of the weight.
        let head = 3 * hidden + 512 * 32 * 4 + 32 * 4
        let expected = [embedding, norm + heads + router, experts, residual, head]
        #expect(states.map(\.size.count).sorted() == expected.sorted())
    }
}
