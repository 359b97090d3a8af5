import ApusBase
import ApusPlan
import ApusTestSupport
import ApusTrace
import Testing

@testable import ApusProgram
@testable import ApusSimulator

@Suite("Simulator")
struct SimulatorTests {
    @Test(
        "with equal stages and free transfers, 1F1B and GPipe idle (p - 1) / (m + p - 1)",
        arguments: [1, 2, 4], [1, 3, 8])
    func hasPublishedBubble(stages: Int, microBatches: Int) throws {
        for schedule in [Plan.Schedule.gpipe, .oneForwardOneBackward] {
            let program = try Program.small(
                .small(
                    pipeline: stages, schedule: schedule, microBatches: microBatches,
                    sequencesPerDataRank: microBatches))
            let prices = FixedPrices.layers(forward: 1, backward: 2)
            let step = Simulator(program: program, prices: prices).run()
            let layers = Double(4 / stages)
            let slots = Double(microBatches + stages - 1)
            #expect(step.stepTime.count == 3 * layers * slots)
            #expect(abs(step.bubble - Double(stages - 1) / slots) < 1e-12)
            #expect(abs(step.utilization - Double(microBatches) / slots) < 1e-12)
            #expect(step.communicationExposed == 0)
        }
    }

    @Test(
        "the simulated bubble of each schedule is the published one under equal costs",
        arguments: [2, 4], [4, 8])
    func hasBubblesOfSchedules(stages: Int, microBatches: Int) throws {
        let (p, m) = (Double(stages), Double(microBatches))
        let expected: [(Plan.Schedule, Double)] = [
            (.interleaved, (p - 1) / (2 * m + p - 1)), (.zeroBubbleH1, (p - 1) / (3 * m + p - 1)),
        ]
        for (schedule, bubble) in expected {
            var plan = Plan.small(
                pipeline: stages, schedule: schedule, microBatches: microBatches,
                sequencesPerDataRank: microBatches)
            plan.chunksPerRank = schedule == .interleaved ? 2 : 1
            let program = try Program.small(plan, layerCount: 8)
            let prices =
                schedule == .interleaved
                ? FixedPrices.layers(forward: 1, backward: 2)
                : FixedPrices.layers(forward: 1, backward: 1, weight: 1)
            let step = Simulator(program: program, prices: prices).run()
            #expect(abs(step.bubble - bubble) < 1e-12, "\(schedule)")
        }
    }

    @Test("the parts of a rank's time add up to the step's", arguments: [1, 2, 4])
    func accountsForTime(stages: Int) throws {
        let program = try Program.small(.small(pipeline: stages, data: 2, expert: 2))
        let prices = FixedPrices(
            compute: { InstructionKind.isComputation($0) ? 0.25 : 0 }, transfer: { _ in 0.125 })
        let step = Simulator(program: program, prices: prices).run()
        #expect(step.rankCount == 2 * stages)
        for set in step.rankSets {
            let sum = set.computation + set.exposed + set.skew + set.bubble
            #expect(abs(sum / step.stepTime - 1) < 1e-12)
            let computed = program.classes[set.stage.index].instructions
                .count(where: InstructionKind.isComputation)
            #expect(set.computation.count == 0.25 * Double(computed))
            #expect(set.exposed > .zero)
        }
    }

    @Test("a transfer that is waited for at once is exposed, one beside computation is not")
    func overlapsTransfers() throws {
        let program = try Program.small(
            .small(pipeline: 2, microBatches: 8, sequencesPerDataRank: 8))
        var prices = FixedPrices.layers(forward: 1, backward: 2)
        let free = Simulator(program: program, prices: prices).run()
        prices.transfer = { transfer in
            switch transfer.id.payload {
            case .activation, .activationGradient: 0.125
            default: 0
            }
        }
        let step = Simulator(program: program, prices: prices).run()
        // Forward and backward of the last stage follow each other: between them, and where the
        // pipeline fills and drains, messages are on the critical path.
        #expect(step.stepTime > free.stepTime)
        let longest = free.stepTime + Seconds(8 * 4 * 0.125)
        #expect(step.stepTime < longest)
        #expect(step.rankSets[0].computation == free.rankSets[0].computation)
    }

    @Test("transfers of one queue follow each other in order")
    func queuesAreFirstInFirstOut() throws {
        let program = Program.alone([
            .start(.reduction(0)), .start(.reduction(1)), .wait(.gradients(1)),
            .wait(.gradients(0)),
        ])
        let prices = FixedPrices(transfer: { $0.size == Bytes(8) ? 3 : 1 })
        let step = Simulator(program: program, prices: prices).run(
            tracing: .init(deployment: "x", program: program))
        #expect(step.stepTime.count == 4)
        let transfers = try #require(step.trace?.ranks.first?.transfers)
        #expect(transfers.map(\.begin) == [0, 3])
        #expect(transfers.map(\.end) == [3, 4])
    }

    @Test("the memory peak is the program's own, and what ranks keep is added")
    func countsMemory() throws {
        for recompute in [Plan.Recompute.none, .full] {
            let program = try Program.small(
                .small(pipeline: 2, data: 2, expert: 2, recompute: recompute))
            let step = Simulator(program: program, prices: FixedPrices()) { program in
                Bytes(1000 + program.stage.index)
            }.run(tracing: .init(deployment: "x", program: program))
            let trace = try #require(step.trace)
            for (set, programClass) in zip(step.rankSets, program.classes) {
                #expect(set.slotPeak == programClass.memoryPeak.size)
                #expect(set.memoryPeak == set.slotPeak + Bytes(1000 + set.stage.index))
                let events = trace.ranks[set.stage.index].events
                #expect(events.map(\.held).max() == set.slotPeak.count)
                #expect(events.last?.held == 0)
            }
        }
    }

    @Test("bytes are those of each rank's sends and collectives")
    func countsBytes() throws {
        let program = try Program.small(.small(pipeline: 2, data: 2, expert: 2))
        let step = Simulator(program: program, prices: FixedPrices()).run()
        // 4 micro-batches of 16 tokens of 64 numbers of 4 bytes cross one boundary on 2 ranks.
        let message = 16 * 64 * 4
        func sent(_ kind: String) -> Int? { step.sent.first { $0.kind == kind }?.size.count }
        #expect(sent("activation") == 2 * 4 * message)
        #expect(sent("activation_gradient") == 2 * 4 * message)
        // Each of 2 ranks of a stage sends 2 rows for each token in each of its layers.
        #expect(sent("dispatch") == 4 * 4 * 2 * 2 * message)
        #expect(sent("weights") == nil)
        #expect(step.sent.map(\.kind) == step.sent.map(\.kind).sorted())
    }

    @Test("the same inputs give the same bytes, and a trace changes nothing")
    func isDeterministic() throws {
        let program = try Program.small(.small(pipeline: 2, data: 4, expert: 2))
        let prices = FixedPrices(
            compute: { 0.1 + Double($0.description.utf8.count % 7) / 3 },
            transfer: { Double($0.size.count) * 1e-5 })
        for cores in [nil, 2] {
            var simulator = Simulator(program: program, prices: prices, cores: cores)
            simulator.conditions.jitter = 0.1
            let first = simulator.run(tracing: .init(deployment: "x", program: program))
            let second = simulator.run(tracing: .init(deployment: "x", program: program))
            #expect(first == second)
            #expect(first.trace?.text == second.trace?.text)
            var bare = first
            bare.trace = nil
            #expect(simulator.run() == bare)
        }
    }

    @Test("16 384 ranks are as much work as 16")
    func knowsSymmetry() throws {
        let small = try Program.small(.small(pipeline: 4, data: 8, expert: 4))
        let large = try Program.small(.small(pipeline: 4, data: 4096, expert: 4))
        let few = Simulator(program: small, prices: FixedPrices()).run()
        let many = Simulator(program: large, prices: FixedPrices()).run()
        #expect(many.rankCount == 16_384)
        #expect(many.instructionCount == few.instructionCount)
        #expect(many.rankSets.count == few.rankSets.count)
    }
}

extension Transfer {
    /// A collective over the data axis.
    static func reduction(_ bucket: Int, on axis: Axis = .data) -> Transfer {
        Transfer(
            id: .gradients(bucket), queue: .group(axis), source: nil, destination: nil,
            routing: nil, size: Bytes(8 * (bucket + 1)))
    }
}

extension Transfer.ID {
    static func gradients(_ bucket: Int) -> Transfer.ID {
        Transfer.ID(payload: .gradients(bucket: bucket), role: .join)
    }
}

extension Program {
    /// The first stage of a small program of 4 ranks, with other instructions.
    static func alone(_ instructions: [Instruction]) -> Program {
        guard var program = try? Program.small(.small(data: 4, expert: 2)) else {
            preconditionFailure("the small plan compiles")
        }
        program.classes[0].instructions = instructions
        return program
    }
}
