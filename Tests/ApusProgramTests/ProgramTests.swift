import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

/// Every layout that the properties below are tried on.
struct Layout: CustomTestStringConvertible, Sendable {
    var degrees: Degrees
    var schedule: Plan.Schedule
    var microBatches: Int
    var recompute: Plan.Recompute
    var tied: Bool
    var tensor = 1
    var zeroStage = 0

    var testDescription: String {
        "pp\(degrees.pipeline) dp\(degrees.data) ep\(degrees.expert) \(schedule.rawValue) "
            + "m\(microBatches) \(recompute.rawValue) tied \(tied) tp\(tensor) zero\(zeroStage)"
    }

    var model: Model {
        Model(
            layerCount: 8, hiddenSize: 64, headCount: 4, keyValueHeadCount: 2, headDim: 16,
            expertCount: 8, topK: 2, expertHiddenSize: 96, vocabularySize: 512,
            tiesEmbeddings: tied)
    }

    func program() throws -> Program {
        let plan = Plan(
            degrees: degrees, schedule: schedule, zeroStage: zeroStage, buckets: [])
        let shape = StepShape(
            sequenceLength: 16, sequencesPerMicroBatch: 2, microBatches: microBatches,
            tensorParallel: tensor, recompute: recompute)
        return try compile(model: model, plan: plan, shape: shape)
    }

    static let all: [Layout] = [1, 2, 3, 4, 8].flatMap { pipeline in
        [(1, 1), (2, 1), (4, 2), (4, 4)].flatMap { data, expert in
            [Plan.Schedule.gpipe, .oneForwardOneBackward].flatMap { schedule in
                [1, 2, 3, 7, 16].map { microBatches in
                    Layout(
                        degrees: Degrees(pipeline: pipeline, data: data, expert: expert),
                        schedule: schedule, microBatches: microBatches,
                        recompute: microBatches % 2 == 0 ? .none : .full,
                        tied: (pipeline + data) % 2 == 0,
                        tensor: data > 1 && microBatches == 3 ? 2 : 1,
                        zeroStage: microBatches == 7 ? 1 : 0)
                }
            }
        }
    }
}

@Suite("Programs of every layout")
struct ProgramTests {
    @Test("are proven free of deadlock, with matching transfers and slots", arguments: Layout.all)
    func verifies(layout: Layout) throws {
        #expect(try layout.program().verify() == [])
    }

    @Test("run each island of each micro-batch forward, then backward", arguments: Layout.all)
    func runsEachIslandOnce(layout: Layout) throws {
        for programClass in try layout.program().classes {
            var open: [String: Int] = [:]
            var backwards = 0
            for instruction in programClass.instructions {
                switch instruction {
                case .forward(let run) where run.state != nil:
                    open["\(run.island).\(run.microBatch)", default: 0] += 1
                case .backward(let run):
                    let key = "\(run.island).\(run.microBatch)"
                    #expect(open.removeValue(forKey: key) == 1)
                    backwards += 1
                default:
                    break
                }
            }
            #expect(open.isEmpty)
            let ends = (programClass.stage.index == 0 ? 1 : 0)
            let heads = programClass.stage.index == layout.degrees.pipeline - 1 ? 1 : 0
            let islands = (layout.tensor > 1 ? 5 : 3) * programClass.layers.count + ends + heads
            #expect(backwards == islands * layout.microBatches)
        }
    }

    @Test("read back from their text form unchanged", arguments: Layout.all)
    func roundTrips(layout: Layout) throws {
        let program = try layout.program()
        #expect(try Program(text: program.description, file: "text") == program)
    }

    @Test("reduce every weight whose gradient is spread, once", arguments: Layout.all)
    func reducesEachWeightOnce(layout: Layout) throws {
        let program = try layout.program()
        for programClass in program.classes {
            let parameters = layout.model.storedParameters(
                layers: programClass.layers, isFirst: programClass.stage.index == 0,
                isLast: programClass.stage == program.mesh.lastStage,
                experts: 0..<(layout.model.expertCount / layout.degrees.expert))
            let reduced = programClass.buckets.flatMap(\.parameters)
            #expect(Set(reduced).count == reduced.count)
            let spread = parameters.filter { parameter in
                let isExpert = parameter.kind == .experts
                let isShared =
                    parameter.kind == .embedding && layout.tied && layout.degrees.pipeline > 1
                return isShared
                    || (isExpert ? layout.degrees.expertData : layout.degrees.data) > 1
            }
            #expect(Set(reduced) == Set(spread.map(\.name)))
        }
    }
}

@Suite("The 1F1B schedule")
struct OneForwardOneBackwardTests {
    @Test("keeps at most `stages - stage` micro-batches in flight", arguments: 1...8, 1...9)
    func boundsFlight(stages: Int, microBatches: Int) {
        for stage in 0..<stages {
            var flight = 0
            var peak = 0
            let entries = oneForwardOneBackwardSchedule(
                stage: stage, stages: stages, microBatches: microBatches)
            for entry in entries {
                if case .forward = entry { flight += 1 } else { flight -= 1 }
                peak = max(peak, flight)
            }
            #expect(entries.count == 2 * microBatches)
            #expect(flight == 0)
            #expect(peak == min(stages - stage, microBatches))
        }
    }
}
