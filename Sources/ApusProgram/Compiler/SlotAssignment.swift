import ApusBase

/// Gives each value a slot, ends its life after its last use, and uses slots of the same kind and
/// size again.
func assignSlots(
    _ instructions: [Instruction], values: [SlotPlan]
) -> (instructions: [Instruction], slots: [SlotPlan]) {
    let lastUses = lastUses(in: instructions, valueCount: values.count)
    var dying: [Int: [Slot]] = [:]
    for (value, position) in lastUses.enumerated() where position >= 0 {
        dying[position, default: []].append(Slot(value))
    }
    var slots: [SlotPlan] = []
    var vacant: [SlotPlan: [Slot]] = [:]
    var places: [Slot: Slot] = [:]
    var result: [Instruction] = []
    for (position, instruction) in instructions.enumerated() {
        for value in instruction.written where places[value] == nil {
            let plan = values[value.index]
            if let slot = vacant[plan]?.popLast() {
                places[value] = slot
            } else {
                places[value] = Slot(slots.count)
                slots.append(plan)
            }
        }
        result.append(instruction.mappingSlots { places[$0] ?? $0 })
        for value in dying[position] ?? [] {
            guard let slot = places.removeValue(forKey: value) else { continue }
            result.append(.free(slot))
            vacant[values[value.index], default: []].append(slot)
        }
    }
    return (result, slots)
}

/// For each value the position of the instruction after which nobody needs it.
///
/// A transfer uses its slots until it has been waited for.
private func lastUses(in instructions: [Instruction], valueCount: Int) -> [Int] {
    var result = [Int](repeating: -1, count: valueCount)
    var inFlight: [Transfer.ID: [Slot]] = [:]
    for (position, instruction) in instructions.enumerated() {
        for value in instruction.read + instruction.written { result[value.index] = position }
        switch instruction {
        case .start(let transfer):
            inFlight[transfer.id] = instruction.read + instruction.written
        case .wait(let id):
            for value in inFlight.removeValue(forKey: id) ?? [] { result[value.index] = position }
        case .zeroGradients, .forward, .backward, .weightBackward, .free, .gradientNorm,
            .optimizerStep:
            break
        }
    }
    return result
}
