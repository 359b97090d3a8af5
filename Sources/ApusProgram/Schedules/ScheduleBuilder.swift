import ApusPlan

/// Writes the entries of a stage of a V-shaped schedule, pass by pass.
///
/// Each pass of a chunk takes its micro-batches in order.
struct ScheduleBuilder {
    private(set) var entries: [ScheduleEntry] = []
    /// Halves of backward that a split left for later, the oldest first.
    private var left: ArraySlice<ScheduleEntry> = []
    private var forwards = [0, 0]
    private var backwards = [0, 0]

    func forwardCount(_ chunk: Int) -> Int { forwards[chunk] }
    func backwardCount(_ chunk: Int) -> Int { backwards[chunk] }

    mutating func forward(_ chunk: Int) {
        entries.append(ScheduleEntry(.forward, chunk: chunk, forwards[chunk]))
        forwards[chunk] += 1
    }

    mutating func backward(_ chunk: Int) {
        entries.append(ScheduleEntry(.backward, chunk: chunk, backwards[chunk]))
        backwards[chunk] += 1
    }

    /// The half of backward that the next stage waits for; the other half is left for later.
    mutating func inputBackward(_ chunk: Int) {
        entries.append(ScheduleEntry(.inputBackward, chunk: chunk, backwards[chunk]))
        left.append(ScheduleEntry(.weightBackward, chunk: chunk, backwards[chunk]))
        backwards[chunk] += 1
    }

    /// The oldest half that was left for later, of `chunk` if one is named.
    mutating func weightBackward(_ chunk: Int? = nil) {
        let index = left.firstIndex { chunk == nil || $0.chunk == chunk }
        guard let index else { preconditionFailure("a split backward comes before") }
        entries.append(left.remove(at: index))
    }

    /// All halves that were left for later.
    mutating func finish() {
        entries += left
        left = []
    }

    /// The entries of the first `count` micro-batches.
    ///
    /// What is left out was needed by nobody else, so the rest is as sound as the whole.
    func entries(ofFirst count: Int) -> [ScheduleEntry] {
        entries.filter { $0.microBatch < count }
    }
}
