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
        let program = try layout.program()
        for programClass in program.classes {
            var open: [String: Int] = [:]
            var split: [String: Int] = [:]
            var backwards = 0
            for instruction in programClass.instructions {
                switch instruction {
                case .forward(let run) where run.state != nil:
                    open["\(run.island).\(run.microBatch)", default: 0] += 1
                case .backward(let run):
                    let key = "\(run.island).\(run.microBatch)"
                    #expect(open.removeValue(forKey: key) == 1)
                    backwards += 1
                    if run.factors != nil { split[key, default: 0] += 1 }
                case .weightBackward(let run):
                    #expect(split.removeValue(forKey: "\(run.island).\(run.microBatch)") == 1)
                default:
                    break
                }
            }
            #expect(open.isEmpty && split.isEmpty)
            let islands = programClass.islands(in: program).count
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
            let parameters = programClass.parameters(
                of: layout.model, mesh: program.mesh,
                experts: 0..<(layout.model.expertCount / layout.degrees.expert))
            let reduced = programClass.buckets.flatMap(\.parameters)
            #expect(Set(reduced).count == reduced.count)
            let spread = parameters.filter { parameter in
                let isExpert = parameter.kind == .experts
                let isShared =
                    parameter.kind == .embedding && layout.tied
                    && program.mesh.headStage.index > 0
                return isShared
                    || (isExpert ? layout.degrees.expertData : layout.degrees.data) > 1
            }
            #expect(Set(reduced) == Set(spread.map(\.name)))
        }
    }
}
