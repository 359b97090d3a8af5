import ApusBase

/// Gives each value a slot, ends its life after its last use, and uses slots of the same kind and
/// size again.
///
/// Values are numbered, so everything about them is kept in arrays by their number.
func assignSlots(
    _ instructions: [Instruction], values: [SlotPlan]
) -> (instructions: [Instruction], slots: [SlotPlan]) {
    let dying = DyingValues(in: instructions, valueCount: values.count)
    let plans = PlanNumbers(values)
    var slots: [SlotPlan] = []
    var vacant = [[Slot]](repeating: [], count: plans.count)
    var places = [Slot?](repeating: nil, count: values.count)
    var result: [Instruction] = []
    result.reserveCapacity(instructions.count + values.count)
    for (position, instruction) in instructions.enumerated() {
        instruction.forEachWritten { value in
            guard places[value.index] == nil else { return }
            if let slot = vacant[plans.numbers[value.index]].popLast() {
                places[value.index] = slot
            } else {
                places[value.index] = Slot(slots.count)
                slots.append(values[value.index])
            }
        }
        result.append(instruction.mappingSlots { places[$0.index] ?? $0 })
        dying.forEach(at: position) { value in
            guard let slot = places[value] else { return }
            places[value] = nil
            result.append(.free(slot))
            vacant[plans.numbers[value]].append(slot)
        }
    }
    return (result, slots)
}

/// Gives equal slot plans equal numbers, from 0.
private struct PlanNumbers {
    /// By value.
    private(set) var numbers: [Int] = []
    private(set) var count = 0

    init(_ values: [SlotPlan]) {
        var known: [SlotPlan: Int] = [:]
        numbers.reserveCapacity(values.count)
        for plan in values {
            let number = known[plan] ?? count
            if number == count {
                known[plan] = number
                count += 1
            }
            numbers.append(number)
        }
    }
}

/// For each instruction the values that nobody needs after it, by number.
private struct DyingValues {
    /// The first of an instruction, and behind each value the next one; -1 where there is none.
    private var first: [Int]
    private var next: [Int]

    init(in instructions: [Instruction], valueCount: Int) {
        first = Array(repeating: -1, count: instructions.count)
        next = Array(repeating: -1, count: valueCount)
        let lastUses = lastUses(in: instructions, valueCount: valueCount)
        for (value, position) in lastUses.enumerated().reversed() where position >= 0 {
            next[value] = first[position]
            first[position] = value
        }
    }

    func forEach(at position: Int, _ body: (Int) -> Void) {
        var value = first[position]
        while value >= 0 {
            body(value)
            value = next[value]
        }
    }
}

/// For each value the position of the instruction after which nobody needs it; -1 where nobody
/// ever does.
///
/// A transfer uses its slots until it has been waited for.
private func lastUses(in instructions: [Instruction], valueCount: Int) -> [Int] {
    var result = [Int](repeating: -1, count: valueCount)
    var inFlight: [Transfer.ID: Transfer] = [:]
    for (position, instruction) in instructions.enumerated() {
        instruction.forEachSlot { result[$0.index] = position }
        switch instruction {
        case .start(let transfer):
            inFlight[transfer.id] = transfer
        case .wait(let id):
            inFlight.removeValue(forKey: id)?.forEachSlot { result[$0.index] = position }
        case .zeroGradients, .forward, .backward, .weightBackward, .free, .gradientNorm,
            .optimizerStep:
            break
        }
    }
    return result
}
