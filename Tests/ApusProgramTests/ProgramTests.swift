import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("Programs of every layout")
struct ProgramTests {
    @Test("are proven free of deadlock, with matching transfers and slots", arguments: Layout.all)
    func verifies(layout: Layout) throws {
        #expect(try layout.program().verify(for: layout.model) == [])
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

    @Test(
        "read back from their text form unchanged",
        arguments: Layout.all.filter { $0.microBatches < 7 })
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
