import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

/// Every single damage of one kind at every place of small programs: the verifier reports each.
@Suite("A program with one damage")
struct ExhaustiveDamageTests {
    @Test("misses every instruction that is left out", arguments: Layout.tiny)
    func missesInstructions(layout: Layout) throws {
        let program = try layout.program()
        for site in program.sites {
            let codes: Set<DiagnosticCode> =
                switch program[site] {
                case .free, .wait, .start, .forward: [.slotLifetime]
                case .weightBackward: [.stepOrder]
                // The backward of the embedding makes nothing that another instruction reads.
                case .backward(let run) where run.inputGradients.isEmpty: [.stepOrder]
                case .backward: [.slotLifetime]
                case .zeroGradients, .gradientNorm, .optimizerStep: [.stepOrder]
                }
            expectReport(program.leavingOut(site), codes, program, site)
        }
    }

    @Test("notices every instruction that is there twice", arguments: Layout.tiny)
    func noticesDoubles(layout: Layout) throws {
        let program = try layout.program()
        for site in program.sites {
            let codes: Set<DiagnosticCode> =
                switch program[site] {
                case .free, .wait, .start, .forward: [.slotLifetime]
                case .weightBackward: [.slotContent, .stepOrder]
                // Its state was consumed by the first run, and the micro-batch is done.
                case .backward(let run) where run.inputGradients.isEmpty:
                    [.slotContent, .stepOrder]
                case .backward: [.slotLifetime]
                case .zeroGradients, .gradientNorm, .optimizerStep: [.stepOrder]
                }
            expectReport(program.inserting(program[site], at: site), codes, program, site)
        }
    }

    @Test("notices a wrong layer, micro-batch or bucket", arguments: Layout.tiny)
    func noticesNumbers(layout: Layout) throws {
        let program = try layout.program()
        for site in program.sites {
            for other in program[site].withOtherNumbers() {
                let codes: Set<DiagnosticCode> = [.slotLifetime, .slotContent, .stepOrder]
                expectReport(program.replacing(site, with: other), codes, program, site)
            }
        }
    }

    /// In a recomputation two slots hold the same value for a while, and either may be read; so
    /// layouts that recompute are left out.
    @Test(
        "notices a slot in the place of another",
        arguments: Layout.tiny.filter { $0.recompute == .none })
    func noticesSlots(layout: Layout) throws {
        let program = try layout.program()
        var generator = SeededGenerator(seed: 7)
        for site in program.sites {
            let instruction = program[site]
            let count = program.classes[site.stage].slots.count
            for slot in Set(instruction.read + instruction.written) {
                let other = Slot(
                    (slot.index + Int.random(in: 1..<count, using: &generator)) % count)
                let changed = instruction.mappingSlots { $0 == slot ? other : $0 }
                let codes: Set<DiagnosticCode> = [.slotLifetime, .slotContent, .transferMismatch]
                expectReport(program.replacing(site, with: changed), codes, program, site)
            }
        }
    }

    @Test("notices slots for another kind of value", arguments: Layout.tiny)
    func noticesKinds(layout: Layout) throws {
        let program = try layout.program()
        for stage in program.classes.indices {
            for index in program.classes[stage].slots.indices {
                for kind in SlotPlan.Kind.allCases {
                    var damaged = program
                    damaged.classes[stage].slots[index].kind = kind
                    guard damaged != program else { continue }
                    #expect(Set(damaged.verify().map(\.code)) == [.slotContent])
                }
            }
        }
    }

    @Test("notices transfers on another queue, or in another role", arguments: Layout.tiny)
    func noticesQueues(layout: Layout) throws {
        let program = try layout.program()
        var generator = SeededGenerator(seed: 8)
        for (site, transfer) in program.starts {
            var other = transfer
            let queues = (1...3).flatMap { [Queue.activations(into: $0), .gradients(into: $0)] }
                .filter { $0 != transfer.queue }
            other.queue = try #require(queues.randomElement(using: &generator))
            let damaged = program.replacing(site, with: .start(other))
            expectReport(damaged, [.transferMismatch], program, site)
            // A transfer in another role is another one, for which nobody waits.
            other = transfer
            other.id.role = transfer.id.role == .join ? .send : .join
            expectReport(
                program.replacing(site, with: .start(other)), [.slotLifetime], program, site)
        }
    }

    @Test("notices transfers, slots and buckets of another size", arguments: Layout.tiny)
    func noticesSizes(layout: Layout) throws {
        let program = try layout.program()
        for (site, transfer) in program.starts {
            // Nothing but another stage's says how large the statistics are.
            if transfer.id.payload == .statistics, program.classes.count == 1 { continue }
            var other = transfer
            other.size += Bytes(8)
            let damaged = program.replacing(site, with: .start(other))
            expectReport(damaged, [.transferMismatch], program, site)
            // The program does not hold the model, so the size of a slot that no transfer uses is
            // said by nothing else.
            for slot in [transfer.source, transfer.destination].compactMap(\.self) {
                var damaged = program
                damaged.classes[site.stage].slots[slot.index].size += Bytes(8)
                expectReport(damaged, [.slotContent, .transferMismatch], program, site)
            }
        }
        for stage in program.classes.indices {
            for bucket in program.classes[stage].buckets.indices {
                var damaged = program
                damaged.classes[stage].buckets[bucket].size += Bytes(4)
                #expect(damaged.verify().contains { $0.code == .transferMismatch })
            }
        }
    }

    private func expectReport(
        _ damaged: Program, _ codes: Set<DiagnosticCode>, _ program: Program, _ site: Site,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = Set(damaged.verify().map(\.code))
        guard found.isEmpty || !found.isSubset(of: codes) else { return }
        Issue.record(
            "\(site), `\(program[site])`: \(names(found)), not one of \(names(codes))",
            sourceLocation: sourceLocation)
    }

    private func names(_ codes: Set<DiagnosticCode>) -> [String] {
        codes.map(\.rawValue).sorted()
    }
}
