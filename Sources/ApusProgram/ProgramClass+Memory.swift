package import ApusBase

extension ProgramClass {
    /// The most bytes that the class's slots hold at once, and after which instruction.
    package var memoryPeak: (size: Bytes, position: Int) {
        var isHeld = [Bool](repeating: false, count: slots.count)
        var now = Bytes.zero
        var peak = (size: Bytes.zero, position: 0)
        for (position, instruction) in instructions.enumerated() {
            if case .free(let slot) = instruction {
                guard slots.indices.contains(slot.index), isHeld[slot.index] else { continue }
                isHeld[slot.index] = false
                now -= slots[slot.index].size
                continue
            }
            for slot in instruction.written
            where slots.indices.contains(slot.index) && !isHeld[slot.index] {
                isHeld[slot.index] = true
                now += slots[slot.index].size
            }
            if now > peak.size { peak = (now, position) }
        }
        return peak
    }
}
