import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("Two instructions that change places")
struct ExchangeTests {
    /// Neighbours that this test cannot tell to depend on each other are left out: exchanging them
    /// gives a program that does the same, or one whose ranks wait in a circle, which other tests
    /// hold.
    @Test("are noticed where one needs the other", arguments: Layout.tiny)
    func noticesDependentExchange(layout: Layout) throws {
        let program = try layout.program()
        var count = 0
        for programClass in program.classes {
            let uses = transferUses(programClass)
            for position in 1..<programClass.instructions.count {
                let first = programClass.instructions[position - 1]
                let second = programClass.instructions[position]
                let site = Site(stage: programClass.stage.index, position: position - 1)
                guard depends(second, on: first, uses) else { continue }
                count += 1
                let codes = Set(program.swapping(site, with: position).verify().map(\.code))
                let expected: Set = ["slot-lifetime", "slot-content", "step-order"]
                if codes.isEmpty || !codes.isSubset(of: expected) {
                    Issue.record("\(site): `\(first)` and `\(second)`: \(codes.sorted())")
                }
            }
        }
        // Most instructions need the one before them.
        #expect(count * 2 > program.sites.count)
    }

    @Test("are noticed far apart too, on every layout", arguments: Layout.all)
    func noticesSendBeforeItsValue(layout: Layout) throws {
        let program = try layout.program()
        for (site, transfer) in program.starts {
            guard transfer.id.role == .send, let source = transfer.source,
                let maker = program.classes[site.stage].instructions[..<site.position]
                    .lastIndex(where: { $0.written.contains(source) })
            else { continue }
            let codes = Set(program.moving(site, to: maker).verify().map(\.code))
            #expect(codes == ["slot-lifetime"])
            // One send stands for the others of its layout: they are made by the same pass.
            break
        }
    }

    /// Which slots a wait makes usable again, by the transfer that it ends.
    private func transferUses(_ programClass: ProgramClass) -> [Transfer.ID: Set<Slot>] {
        var result: [Transfer.ID: Set<Slot>] = [:]
        for instruction in programClass.instructions {
            guard case .start(let transfer) = instruction else { continue }
            result[transfer.id, default: []].formUnion(instruction.read + instruction.written)
        }
        return result
    }

    /// Whether `second` cannot come before `first`, by what the two say themselves.
    private func depends(
        _ second: Instruction, on first: Instruction, _ uses: [Transfer.ID: Set<Slot>]
    ) -> Bool {
        switch (first, second) {
        case (.start(let transfer), .wait(let id)):
            return transfer.id == id
        case (.zeroGradients, _), (_, .zeroGradients):
            return true
        case (.wait(let id), .gradientNorm):
            return id.payload.isOfBucket
        case (.gradientNorm, .start(let transfer)), (.optimizerStep, .start(let transfer)):
            return transfer.id.payload == .statistics || transfer.id.payload.isOfBucket
        case (.wait(let id), .optimizerStep):
            return id.payload == .statistics
        case (.wait(let id), .forward), (.wait(let id), .backward), (.wait(let id), .free):
            let used = second.read + second.written
            // A decision may be read while its counts travel, but not used for what they say.
            return !(uses[id] ?? []).isDisjoint(with: used)
        case (.free(let slot), _):
            return second.written.contains(slot)
        case (_, .free(let slot)):
            return (first.read + first.written).contains(slot)
        default:
            return !Set(first.written).isDisjoint(with: second.read)
        }
    }
}

extension Payload {
    var isOfBucket: Bool {
        switch self {
        case .gradients, .weights: true
        case .activation, .activationGradient, .gather, .scatter, .scatterGradient,
            .gatherGradient, .counts, .dispatch, .combine, .combineGradient, .dispatchGradient,
            .statistics:
            false
        }
    }
}
