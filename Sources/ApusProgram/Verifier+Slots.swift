package import ApusBase

extension ProgramClass {
    /// What is wrong with the lifetimes of the class's slots and transfers.
    ///
    /// A slot holds one value at a time, is read only while it holds one, is touched by nobody
    /// while a transfer uses it, and is free at the end.
    var slotProblems: [Diagnostic] {
        var checker = SlotChecker(self)
        for (position, instruction) in instructions.enumerated() {
            checker.check(instruction, at: position)
        }
        return checker.finish()
    }

    /// The most bytes that the class's slots hold at once, and after which instruction.
    package var memoryPeak: (size: Bytes, position: Int) {
        var held: Set<Slot> = []
        var now = Bytes.zero
        var peak = (size: Bytes.zero, position: 0)
        for (position, instruction) in instructions.enumerated() {
            if case .free(let slot) = instruction {
                if held.remove(slot) != nil { now -= slots[slot.index].size }
                continue
            }
            for slot in instruction.written where held.insert(slot).inserted {
                now += slots[slot.index].size
            }
            if now > peak.size { peak = (now, position) }
        }
        return peak
    }
}

private struct SlotChecker {
    private let programClass: ProgramClass
    private var live: Set<Slot> = []
    private var inFlight: [Transfer.ID: Transfer] = [:]
    private var problems: [Diagnostic] = []

    init(_ programClass: ProgramClass) { self.programClass = programClass }

    mutating func check(_ instruction: Instruction, at position: Int) {
        for slot in instruction.read + instruction.written
        where !programClass.slots.indices.contains(slot.index) {
            report("uses `\(slot)`, which the class does not declare", instruction, position)
            return
        }
        for slot in instruction.read where !live.contains(slot) {
            report("reads `\(slot)`, which holds nothing", instruction, position)
        }
        for slot in instruction.read where isArriving(in: slot) {
            report("reads `\(slot)` while a transfer fills it", instruction, position)
        }
        for slot in instruction.written where !live.insert(slot).inserted {
            report("writes `\(slot)`, which holds a value that is not free", instruction, position)
        }
        switch instruction {
        case .free(let slot):
            if isInFlight(slot) {
                report("frees `\(slot)` while a transfer uses it", instruction, position)
            }
            live.remove(slot)
        case .start(let transfer):
            if inFlight.updateValue(transfer, forKey: transfer.id) != nil {
                report("starts a transfer that is in flight already", instruction, position)
            }
        case .wait(let id):
            if inFlight.removeValue(forKey: id) == nil {
                report("waits for a transfer that was not started", instruction, position)
            }
        case .zeroGradients, .forward, .backward, .gradientNorm, .optimizerStep:
            break
        }
    }

    mutating func finish() -> [Diagnostic] {
        for slot in live.sorted() {
            problems.append(
                Diagnostic(
                    "slot-lifetime",
                    problem: "stage \(programClass.stage) ends with a value in `\(slot)`"))
        }
        let unfinished = inFlight.keys.map(\.description).sorted()
        for id in unfinished {
            problems.append(
                Diagnostic(
                    "slot-lifetime",
                    problem: "stage \(programClass.stage) ends without waiting for `\(id)`"))
        }
        return problems
    }

    private func isArriving(in slot: Slot) -> Bool {
        inFlight.values.contains { $0.destination == slot }
    }

    private func isInFlight(_ slot: Slot) -> Bool {
        inFlight.values.contains {
            $0.destination == slot || $0.source == slot || $0.routing == slot
        }
    }

    private mutating func report(_ what: String, _ instruction: Instruction, _ position: Int) {
        problems.append(
            Diagnostic(
                "slot-lifetime",
                problem: "stage \(programClass.stage), instruction \(position) `\(instruction)` "
                    + what))
    }
}
