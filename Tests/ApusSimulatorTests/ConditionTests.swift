import ApusBase
import ApusPlan
import ApusTestSupport
import ApusTrace
import Testing

@testable import ApusProgram
@testable import ApusSimulator

@Suite("Conditions")
struct ConditionTests {
    private static let prices = FixedPrices.layers(forward: 1, backward: 2)

    @Test("a slow rank that is alone on its stage slows the pipeline as its stage's work does")
    func slowsStage() throws {
        let program = try Program.small(
            .small(pipeline: 2, microBatches: 8, sequencesPerDataRank: 8))
        var simulator = Simulator(program: program, prices: Self.prices)
        simulator.conditions.slowRanks = [.init(rank: Rank(1), factor: 1.5)]
        let step = simulator.run()
        // 8 micro-batches of 2 layers on the slow stage, between one forward and one backward of
        // the other.
        let expected = 8 * (2 * 3 * 1.5) + 2 * 3
        #expect(step.stepTime.count == expected)
    }

    @Test("a slow stage is what its ranks make it when all are slow, and splits no class")
    func slowsWholeStage() throws {
        let program = try Program.small(.small(pipeline: 2, data: 2, expert: 2))
        var simulator = Simulator(program: program, prices: Self.prices)
        simulator.conditions.slowStages = [.init(stage: Stage(1), factor: 1.5)]
        let whole = simulator.run()
        #expect(whole.rankSets.count == 2)
        simulator.conditions = Conditions()
        let undisturbed = simulator.run()
        simulator.conditions.slowRanks = [2, 3].map { .init(rank: Rank($0), factor: 1.5) }
        let ranks = simulator.run()
        #expect(whole.stepTime == ranks.stepTime)
        #expect(whole.stepTime > undisturbed.stepTime)
        simulator.conditions.slowStages = [.init(stage: Stage(1), factor: 2)]
        #expect(simulator.run().stepTime > ranks.stepTime)
    }

    @Test("ranks of its groups wait for a slow rank, and are told apart from it")
    func splitsClass() throws {
        let program = try Program.small(.small(data: 8, expert: 4))
        var simulator = Simulator(program: program, prices: Self.prices)
        let before = simulator.run()
        simulator.conditions.slowRanks = [.init(rank: Rank(2), factor: 2)]
        let step = simulator.run()
        // Ranks 0, 1 and 3 exchange rows with rank 2, and rank 6 holds the same experts.
        #expect(step.rankSets.map(\.rank.index) == [0, 2, 4, 6])
        #expect(step.rankSets.map(\.rankCount) == [3, 1, 3, 1])
        #expect(step.stepTime.count == 2 * before.stepTime.count)
        #expect(step.rankSets[1].skew == .zero)
        #expect(step.rankSets[0].skew == before.stepTime)
        #expect(step.rankSets[2].skew == before.stepTime)
        #expect(step.rankSets[0].computation == before.stepTime)
    }

    @Test("a slow rank splits only what it touches of many ranks")
    func splitsLittle() throws {
        let program = try Program.small(.small(pipeline: 4, data: 512, expert: 4))
        var simulator = Simulator(program: program, prices: Self.prices)
        simulator.conditions.slowRanks = [.init(rank: Rank(700), factor: 3)]
        let step = simulator.run()
        #expect(step.rankCount == 2048)
        #expect(step.rankSets.count <= 4 * 5)
        #expect(step.rankSets.contains { $0.rank == Rank(700) && $0.rankCount == 1 })
    }

    @Test("a slow link stretches the transfers that cross it, and no others")
    func slowsLinks() throws {
        let program = Program.alone([
            .start(.reduction(0, on: .data)), .wait(.gradients(0)),
            .start(.reduction(1, on: .expert)), .wait(.gradients(1)),
        ])
        let prices = FixedPrices(
            transfer: { _ in 1 }, levels: { $0 == .group(.data) ? 1 : 0 })
        var simulator = Simulator(program: program, prices: prices)
        simulator.conditions.slowLinks = [.init(place: .level(1), factor: 4)]
        #expect(simulator.run().stepTime.count == 5)
        simulator.conditions.slowLinks = [.init(place: .stages(0, 1), factor: 4)]
        #expect(simulator.run().stepTime.count == 2)
    }

    @Test("a slow link between two stages stretches what they send each other")
    func slowsBoundary() throws {
        let program = try Program.small(.small(pipeline: 4, microBatches: 1))
        let prices = FixedPrices(transfer: { $0.id.role == .join ? 0 : 1 })
        var simulator = Simulator(program: program, prices: prices)
        // One micro-batch crosses 3 boundaries there and back.
        #expect(simulator.run().stepTime.count == 6)
        simulator.conditions.slowLinks = [.init(place: .stages(2, 1), factor: 3)]
        #expect(simulator.run().stepTime.count == 10)
    }

    @Test("the ranks of a hot expert compute more, the others less, and all wait for them")
    func heatsExpert() throws {
        let program = try Program.small(.small(data: 4, expert: 4))
        let prices = FixedPrices(compute: { instruction in
            InstructionKind.name(of: instruction).hasSuffix(" experts") ? 1 : 0
        })
        var simulator = Simulator(program: program, prices: prices)
        let even = simulator.run()
        simulator.conditions.hotExpertShare = 0.25
        #expect(simulator.run().stepTime == even.stepTime)
        simulator.conditions.hotExpertShare = 0.5
        let step = simulator.run()
        #expect(step.stepTime.count == 2 * even.stepTime.count)
        #expect(step.rankSets.map(\.rankCount) == [1, 3])
        // Half of the rows for one rank, a sixth for each of three: two thirds of an even share.
        #expect(
            abs(step.rankSets[1].computation / even.rankSets[0].computation - 2.0 / 3) < 1e-12)
    }

    @Test("jitter is a function of its seed, and disturbs by its deviation")
    func jitters() throws {
        let program = try Program.small(.small(microBatches: 64, sequencesPerDataRank: 64))
        var simulator = Simulator(program: program, prices: Self.prices)
        let calm = simulator.run()
        simulator.conditions.jitter = 0.2
        let first = simulator.run()
        #expect(simulator.run() == first)
        #expect(first.stepTime != calm.stepTime)
        simulator.conditions.seed = 2
        #expect(simulator.run().stepTime != first.stepTime)

        var conditions = Conditions()
        conditions.jitter = 0.2
        let jitter = Jitter(conditions, rank: Rank(3))
        let draws = (0..<10_000).map { jitter.factor(instruction: $0) }
        let mean = draws.reduce(0, +) / 10_000
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10_000
        #expect(abs(mean - 1) < 0.01)
        #expect(abs(variance.squareRoot() - 0.2) < 0.01)
    }
}
