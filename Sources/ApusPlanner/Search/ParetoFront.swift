import ApusBase

/// The strategies that no other one beats in step time, memory and time to first token at once.
///
/// Values are compared after rounding to six or seven significant binary digits (about 1 %), so
/// that differences below the cost model's own error make no front of thousands. A front is then a
/// set of boxes, and each box is represented by its fastest strategy; the result does not depend on
/// the order in which strategies come.
struct ParetoFront {
    private var best: [Box: Candidate] = [:]
    /// For each memory and time to first token, the least time of a box that needs no more of
    /// either, so that asking is one look-up.
    private var leastTime: [Int32]
    private static let memoryCount = 640
    private static let firstTokenCount = 640

    struct Box: Hashable {
        var time: Int32
        var memory: Int
        var firstToken: Int

        init(time: Double, memory: Double, firstToken: Double) {
            self.time = Int32(Box.place(time, digits: 7, first: -20, last: 40))
            self.memory = min(
                Box.place(memory, digits: 6, first: 30, last: 40), memoryCount - 1)
            self.firstToken = min(
                Box.place(firstToken, digits: 5, first: -14, last: 6), firstTokenCount - 1)
        }

        /// The place of a value on a scale of powers of two from `first` to `last`, each cut evenly
        /// into `2^digits` pieces.
        private static func place(_ value: Double, digits: Int, first: Int, last: Int) -> Int {
            let pieces = Double(1 << digits)
            guard value > 0 else { return 0 }
            let exponent = Int(value.exponent)
            guard exponent >= first else { return 0 }
            guard exponent < last else { return (last - first) << digits }
            return (exponent - first) << digits + Int((value.significand - 1) * pieces)
        }
    }

    init() {
        leastTime = Array(repeating: .max, count: Self.memoryCount * Self.firstTokenCount)
    }

    /// Whether every strategy that is at best like this is beaten by one that was seen.
    func beats(_ box: Box) -> Bool {
        let index = box.memory * Self.firstTokenCount + box.firstToken
        let least = leastTime[index]
        if least != box.time { return least < box.time }
        // Equally fast: beaten if with less of something else.
        return (box.memory > 0 && leastTime[index - Self.firstTokenCount] <= box.time)
            || (box.firstToken > 0 && leastTime[index - 1] <= box.time)
    }

    mutating func insert(_ candidate: Candidate, in box: Box) {
        guard !beats(box) else { return }
        if let present = best[box] {
            if candidate.isFaster(than: present) { best[box] = candidate }
            return
        }
        best[box] = candidate
        for memory in box.memory..<Self.memoryCount {
            let row = memory * Self.firstTokenCount
            guard leastTime[row + box.firstToken] > box.time else { break }
            for firstToken in box.firstToken..<Self.firstTokenCount {
                guard leastTime[row + firstToken] > box.time else { break }
                leastTime[row + firstToken] = box.time
            }
        }
    }

    /// The front, fastest first.
    var candidates: [Candidate] {
        best.filter { !beats($0.key) }.map(\.value).sorted { $0.isFaster(than: $1) }
    }
}
