/// The sequence lengths that the steps of one run have in turn.
///
/// A step has sequences of one length. Each step takes the length that lies furthest behind its
/// share, so that shares hold over any stretch of steps, and the order is a function of the mix
/// alone.
package struct LengthMix: Hashable, Sendable {
    /// At least one, each once.
    package var lengths: [Int]
    /// The shares of the lengths, in their order.
    package var weights: [Double]

    package init(lengths: [Int], weights: [Double]) {
        precondition(!lengths.isEmpty, "a mix has lengths")
        precondition(lengths.count == weights.count, "each length has a share")
        self.lengths = lengths
        self.weights = weights
    }

    /// The step's place in the mix.
    package struct Turn: Hashable, Sendable {
        /// Of the length, in `lengths`.
        package var index: Int
        /// How many steps before it had that length.
        package var ordinal: Int
    }

    /// The turns of a run's steps, from the first on.
    package struct Turns: Sequence, IteratorProtocol, Sendable {
        private let shares: [Double]
        private var counts: [Int]
        private var step = 0.0

        fileprivate init(_ weights: [Double]) {
            let total = weights.reduce(0, +)
            shares = weights.map { $0 / total }
            counts = weights.map { _ in 0 }
        }

        package mutating func next() -> Turn? {
            step += 1
            var index = 0
            var behind = -Double.infinity
            for (place, share) in shares.enumerated() {
                let distance = share * step - Double(counts[place])
                guard distance > behind else { continue }
                behind = distance
                index = place
            }
            defer { counts[index] += 1 }
            return Turn(index: index, ordinal: counts[index])
        }
    }

    package var turns: Turns { Turns(weights) }
}

extension RunSettings {
    /// Every length that the run trains with.
    package var lengths: [Int] { mix?.lengths ?? [sequenceLength] }

    /// The turns of its steps.
    package var turns: LengthMix.Turns {
        (mix ?? LengthMix(lengths: [sequenceLength], weights: [1])).turns
    }

    /// Trains sequences of one length from now on.
    package mutating func setLength(_ length: Int) {
        sequenceLength = length
        mix = nil
    }
}
