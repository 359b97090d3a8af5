import ApusBase
import ApusPlan
import ApusTestSupport
import ApusTrace
import Testing

@testable import ApusProgram
@testable import ApusSimulator

/// What is shared: links by transfers, cores by ranks.
@Suite("Contention")
struct ContentionTests {
    /// Two collectives of 2 s and 1 s that begin at once.
    private static let two = Program.alone([
        .start(.reduction(0, on: .data)), .start(.reduction(1, on: .expert)),
        .wait(.gradients(0)), .wait(.gradients(1)),
    ])
    private static let prices = FixedPrices(transfer: { $0.size == Bytes(8) ? 2 : 1 })

    private func ends(_ prices: FixedPrices, _ program: Program = two) throws -> [Double] {
        let step = Simulator(program: program, prices: prices).run(
            tracing: .init(deployment: "x", program: program))
        return try #require(step.trace?.ranks.first?.transfers).map(\.end)
    }

    @Test("transfers of one rank that use one link share it until one of them ends")
    func sharesLinks() throws {
        // Each gets half: after 2 s the shorter one is done, the longer one has 1 s left.
        #expect(try ends(Self.prices) == [3, 2])
    }

    @Test("transfers on different levels of the network do not slow each other down")
    func levelsAreApart() throws {
        var prices = Self.prices
        prices.levels = { $0 == .group(.data) ? 1 : 0 }
        #expect(try ends(prices) == [2, 1])
    }

    @Test("a third transfer takes a third, from the moment it begins")
    func sharesAnew() throws {
        let program = Program.alone([
            .start(.reduction(0, on: .data)), .start(.reduction(1, on: .expert)),
            .optimizerStep, .start(.reduction(2, on: .tensor)), .wait(.gradients(0)),
            .wait(.gradients(1)), .wait(.gradients(2)),
        ])
        let prices = FixedPrices(compute: { _ in 1 }, transfer: { _ in 2 })
        // One second of halves, then thirds for 4.5 s, then the last one alone for 0.5 s.
        let ends = try ends(prices, program)
        #expect(abs(ends[0] - 5.5) < 1e-12 && abs(ends[1] - 5.5) < 1e-12)
        #expect(abs(ends[2] - 6) < 1e-12)
    }

    @Test("what comes in does not slow down what goes out")
    func isFullDuplex() throws {
        let program = try Program.small(
            .small(pipeline: 2, microBatches: 8, sequencesPerDataRank: 8))
        let prices = FixedPrices(
            compute: FixedPrices.layers(forward: 1, backward: 1).compute,
            transfer: { $0.id.role == .join ? 0 : 0.5 })
        let step = Simulator(program: program, prices: prices).run(
            tracing: .init(deployment: "x", program: program))
        let transfers = try #require(step.trace).ranks.flatMap(\.transfers)
        let messages = transfers.filter { $0.planned == 16 * 64 * 4 && $0.end > $0.begin }
        #expect(messages.count == 2 * 16)
        #expect(messages.allSatisfy { abs($0.end - $0.begin - 0.5) < 1e-12 })
    }

    @Test("computing ranks share the cores evenly, each with one at most", arguments: [1, 2, 4, 8])
    func sharesCores(cores: Int) throws {
        let program = Program.alone([.zeroGradients, .optimizerStep])
        let prices = FixedPrices(compute: { _ in 3 })
        let step = Simulator(program: program, prices: prices, cores: cores).run()
        #expect(step.rankCount == 4)
        #expect(step.stepTime.count == 6 * max(1, 4 / Double(cores)))
    }

    @Test("on one core a pipeline takes the sum of all work: a rank that waits costs nothing")
    func idleRanksCostNothing() throws {
        for stages in [1, 2, 4] {
            let program = try Program.small(.small(pipeline: stages))
            let prices = FixedPrices.layers(forward: 1, backward: 2)
            let step = Simulator(program: program, prices: prices, cores: 1).run()
            #expect(abs(step.stepTime.count - 4 * 4 * 3) < 1e-9)
        }
    }

    @Test("two stages of one rank on two cores run as if each had its own")
    func coresSuffice() throws {
        let program = try Program.small(.small(pipeline: 2))
        let prices = FixedPrices.layers(forward: 1, backward: 2)
        let own = Simulator(program: program, prices: prices).run()
        let shared = Simulator(program: program, prices: prices, cores: 2).run()
        #expect(abs(shared.stepTime / own.stepTime - 1) < 1e-12)
    }

    @Test("moving bytes takes its share of the cores too")
    func transfersTakeCores() throws {
        let program = Program.alone([
            .start(.reduction(0, on: .expert)), .optimizerStep, .wait(.gradients(0)),
        ])
        // Groups of 2 ranks on 2 cores: 1 s alone, 2 s of work for 4 ranks. Beside the 4 ranks'
        // computation of 1 s each, 8 have work, so each goes at a quarter: both end after 4 s.
        let prices = FixedPrices(compute: { _ in 1 }, transfer: { _ in 1 })
        let step = Simulator(program: program, prices: prices, cores: 2).run()
        #expect(step.stepTime.count == 4)
    }
}
