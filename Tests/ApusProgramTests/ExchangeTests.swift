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
                let expected: Set<DiagnosticCode> = [.slotLifetime, .slotContent, .stepOrder]
                if codes.isEmpty || !codes.isSubset(of: expected) {
                    Issue.record(
                        "\(site): `\(first)` and `\(second)`: \(codes.map(\.rawValue).sorted())")
                }
            }
        }
        // Much of a program is a chain.
        #expect(count * 3 > program.sites.count)
    }

    @Test(
        "are noticed where a send comes before its value is made",
        arguments: Layout.all.filter { $0.degrees.pipeline > 1 && $0.microBatches < 4 })
    func noticesSendBeforeItsValue(layout: Layout) throws {
        let program = try layout.program()
        for stage in program.classes.indices {
            let first = program.starts.first { start in
                start.site.stage == stage && start.transfer.id.role == .send
            }
            let (site, transfer) = try #require(first)
            let source = try #require(transfer.source)
            let maker = try #require(
                program.classes[stage].instructions[..<site.position]
                    .lastIndex { $0.written.contains(source) })
            let codes = Set(program.moving(site, to: maker).verify().map(\.code))
            #expect(codes == [.slotLifetime])
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
