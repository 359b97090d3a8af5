import ApusBase

/// Checks the lifetimes of a class's slots and transfers.
///
/// A slot holds one value at a time, is read only while it holds one, is touched by nobody while a
/// transfer uses it, and is free at the end.
struct SlotChecker {
    /// What a slot is doing; its value may be on its way in or out.
    private struct State {
        var isLive = false
        var isArriving = false
        /// Transfers that were started and not waited for, and use the slot.
        var users = 0
    }

    private let programClass: ProgramClass
    private var states: [State]
    private var inFlight: [Transfer.ID: Transfer] = [:]
    private var problems: [Diagnostic] = []

    private init(_ programClass: ProgramClass) {
        self.programClass = programClass
        states = Array(repeating: State(), count: programClass.slots.count)
    }

    /// What is wrong, in the order of the instructions; last what is left over.
    static func problems(_ programClass: ProgramClass) -> [Diagnostic] {
        var checker = SlotChecker(programClass)
        for (position, instruction) in programClass.instructions.enumerated() {
            let place = Place(stage: programClass.stage, instruction, position)
            checker.check(instruction, place)
        }
        return checker.finish()
    }

    private mutating func check(_ instruction: Instruction, _ place: Place) {
        if let slot = undeclared(in: instruction) {
            return report("uses `\(slot)`, which the class does not declare", place)
        }
        instruction.forEachRead { slot in
            if !states[slot.index].isLive {
                report("reads `\(slot)`, which holds nothing", place)
            }
            if states[slot.index].isArriving {
                report("reads `\(slot)` while a transfer fills it", place)
            }
        }
        instruction.forEachWritten { slot in
            if states[slot.index].isLive {
                report("writes `\(slot)`, which holds a value that is not free", place)
            }
            states[slot.index].isLive = true
        }
        switch instruction {
        case .free(let slot):
            if states[slot.index].users > 0 {
                report("frees `\(slot)` while a transfer uses it", place)
            }
            states[slot.index].isLive = false
        case .start(let transfer):
            start(transfer, place)
        case .wait(let id):
            finish(id, place)
        case .zeroGradients, .forward, .backward, .weightBackward, .gradientNorm, .optimizerStep:
            break
        }
    }

    /// The first slot of an instruction that its class does not have.
    private func undeclared(in instruction: Instruction) -> Slot? {
        let declared = states.indices
        var result: Slot?
        instruction.forEachSlot { slot in
            if result == nil, !declared.contains(slot.index) { result = slot }
        }
        return result
    }

    private mutating func start(_ transfer: Transfer, _ place: Place) {
        guard inFlight.updateValue(transfer, forKey: transfer.id) == nil else {
            return report("starts a transfer that is in flight already", place)
        }
        transfer.forEachSlot { states[$0.index].users += 1 }
        if let slot = transfer.destination { states[slot.index].isArriving = true }
    }

    private mutating func finish(_ id: Transfer.ID, _ place: Place) {
        guard let transfer = inFlight.removeValue(forKey: id) else {
            return report("waits for a transfer that was not started", place)
        }
        transfer.forEachSlot { states[$0.index].users -= 1 }
        if let slot = transfer.destination { states[slot.index].isArriving = false }
    }

    private mutating func finish() -> [Diagnostic] {
        for index in states.indices where states[index].isLive {
            problems.append(
                Diagnostic(
                    .slotLifetime,
                    problem: "stage \(programClass.stage) ends with a value in `\(Slot(index))`"))
        }
        for id in inFlight.keys.map(\.description).sorted() {
            problems.append(
                Diagnostic(
                    .slotLifetime,
                    problem: "stage \(programClass.stage) ends without waiting for `\(id)`"))
        }
        return problems
    }

    private mutating func report(_ what: String, _ place: Place) {
        problems.append(place.diagnostic(.slotLifetime, what))
    }
}
