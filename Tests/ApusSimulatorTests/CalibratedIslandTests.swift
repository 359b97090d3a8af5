import ApusBase
import ApusPlan
import ApusProgram
import ApusTestSupport
import ApusTrace
import Testing

@testable import ApusCost
@testable import ApusSimulator

@Suite("Prices of measured islands")
struct CalibratedIslandTests {
    private static let model = Model.small()
    private static let length = 16
    private static let measured = [1, 4]

    /// Milliseconds that no sum of kernels comes near.
    private static func microseconds(
        _ kind: Calibration.IslandKind, _ pass: Calibration.IslandPass, sequences: Int
    ) -> Double {
        let kinds = Calibration.IslandKind.allCases.firstIndex(of: kind) ?? 0
        let passes = Calibration.IslandPass.allCases.firstIndex(of: pass) ?? 0
        return Double(1000 * (kinds + 1) + 100 * (passes + 1)) * Double(sequences)
    }

    private static func cluster(of model: Model = model, ranks: Int = 1) -> Cluster {
        var calibration = Calibration()
        calibration.islandModel = Calibration.IslandModel(model, type: .fp32)
        for kind in Calibration.IslandKind.allCases {
            for pass in Calibration.IslandPass.allCases {
                for sequences in measured {
                    calibration.islands.append(
                        Calibration.Island(
                            kind: kind, pass: pass, sequences: sequences, length: length,
                            experts: kind == .experts ? model.expertCount : nil,
                            microseconds: microseconds(kind, pass, sequences: sequences)))
                }
            }
        }
        return Cluster(
            nodeCount: 1, gpusPerNode: ranks,
            gpu: GPU(
                name: "cpu", peakTeraFLOPs: [.fp32: 0.1], memoryGB: 4,
                memoryBandwidthGBPerSecond: 10), links: [], calibration: calibration)
    }

    private func priced(
        sequences: Int, schedule: Plan.Schedule = .oneForwardOneBackward, pipeline: Int = 1,
        cluster: Cluster
    ) throws -> (program: Program, step: Step, pricer: InstructionPricer, model: CostModel) {
        let plan = Plan.small(
            pipeline: pipeline, schedule: schedule, microBatches: 4,
            sequencesPerDataRank: 4 * sequences)
        let step = Step(
            model: Self.model, cluster: cluster,
            workload: Workload(
                sequencesPerBatch: 4 * sequences, sequenceLengths: [Self.length],
                precision: .fp32),
            plan: plan, bucket: plan.buckets[0], sequenceLength: Self.length,
            implementation: .compiled)
        let shape = StepShape(bucket: plan.buckets[0], length: Self.length, precision: .fp32)
        let program = try compile(model: Self.model, plan: plan, shape: shape)
        let model = CostModel(cluster: cluster)
        return (
            program, step, InstructionPricer(program: program, step: step, model: model), model
        )
    }

    /// An instruction's island and pass, if it has them.
    private func key(
        of instruction: Instruction
    ) -> (kind: Calibration.IslandKind, pass: Calibration.IslandPass)? {
        func kind(_ island: Island) -> Calibration.IslandKind? {
            Calibration.IslandKind(rawValue: String(island.kind))
        }
        switch instruction {
        case .forward(let run): return kind(run.island).map { ($0, .forward) }
        case .backward(let run):
            return kind(run.island).map {
                ($0, run.factors == nil ? .backward : .backwardInputs)
            }
        case .weightBackward(let run): return kind(run.island).map { ($0, .backwardWeights) }
        case .zeroGradients, .start, .wait, .free, .gradientNorm, .optimizerStep: return nil
        }
    }

    @Test(
        "each island takes what was measured at its size, whole or in halves",
        arguments: measured, [Plan.Schedule.oneForwardOneBackward, .zeroBubbleH1])
    func takesMeasuredTime(sequences: Int, schedule: Plan.Schedule) throws {
        let found = try priced(
            sequences: sequences, schedule: schedule, cluster: Self.cluster())
        let programClass = found.program.classes[0]
        var count = 0
        for instruction in programClass.instructions {
            guard let key = key(of: instruction) else { continue }
            let expected = Self.microseconds(key.kind, key.pass, sequences: sequences) * 1e-6
            let time = found.pricer.computation(instruction, of: programClass).count
            #expect(abs(time / expected - 1) < 1e-9, "\(instruction)")
            count += 1
        }
        #expect(count > 4 * 4 * 6)
    }

    @Test("between measured sizes a time lies between theirs, and beyond them its ratio stays")
    func interpolates() throws {
        func attention(_ sequences: Int, _ cluster: Cluster) throws -> Double {
            let found = try priced(sequences: sequences, cluster: cluster)
            let programClass = found.program.classes[0]
            let forward = try #require(
                programClass.instructions.first { key(of: $0)?.kind == .attention })
            return found.pricer.computation(forward, of: programClass).count
        }
        let cluster = Self.cluster()
        let times = try [1, 2, 4].map { try attention($0, cluster) }
        #expect(times[0] < times[1] && times[1] < times[2])
        var plain = cluster
        plain.calibration = nil
        let ratio = try times[2] / attention(4, plain)
        #expect(try abs(attention(16, cluster) / attention(16, plain) / ratio - 1) < 0.02)
    }

    @Test("islands of another model change nothing")
    func keepsOtherModels() throws {
        var empty = Self.cluster()
        empty.calibration?.islands = []
        let other = try priced(
            sequences: 4, cluster: Self.cluster(of: .small(expertCount: 8)))
        let plain = try priced(sequences: 4, cluster: empty)
        let programClass = plain.program.classes[0]
        for instruction in programClass.instructions {
            #expect(
                other.pricer.computation(instruction, of: programClass)
                    == plain.pricer.computation(instruction, of: programClass))
        }
    }

    @Test(
        "the closed form takes the same times",
        arguments: [1, 2], [Plan.Schedule.gpipe, .oneForwardOneBackward])
    func agreesWithClosedForm(pipeline: Int, schedule: Plan.Schedule) throws {
        let found = try priced(
            sequences: 4, schedule: schedule, pipeline: pipeline,
            cluster: Self.cluster(ranks: pipeline))
        let simulated = Simulator(
            program: found.program, step: found.step, model: found.model
        ).run()
        let predicted = found.model.predict(found.step)
        #expect(abs(predicted.stepTime / simulated.stepTime - 1) < 0.05)
    }
}
