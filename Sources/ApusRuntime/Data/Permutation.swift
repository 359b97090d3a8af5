import ApusBase

/// A shuffled order of the numbers from 0 up to `count` that needs no memory.
///
/// A Feistel network permutes the numbers of an even count of bits; what falls outside `count` is
/// permuted again until it falls inside, which ends since the network is a permutation.
///
/// Source: Black & Rogaway 2002, "Ciphers with arbitrary finite domains", §3 and §4.
struct Permutation: Hashable, Sendable {
    let count: Int
    private let halfBits: Int
    private let keys: [UInt64]

    /// Assumption: eight rounds shuffle small counts well; four would do for a large one.
    private static let rounds = 8

    init(count: Int, seed: UInt64) {
        precondition(count > 0, "something to permute")
        self.count = count
        var bits = 0
        while bits < 62, 1 << bits < count { bits += 2 }
        halfBits = bits / 2
        var generator = SeededGenerator(seed: seed)
        keys = (0..<Self.rounds).map { _ in generator.next() }
    }

    /// The number at a place of the shuffled order.
    subscript(place: Int) -> Int {
        precondition(place >= 0 && place < count, "place within the count")
        var value = place
        repeat { value = scrambled(value) } while value >= count
        return value
    }

    private func scrambled(_ value: Int) -> Int {
        let mask = (1 << halfBits) - 1
        var left = value >> halfBits
        var right = value & mask
        for key in keys {
            (left, right) = (
                right, left ^ (Int(truncatingIfNeeded: mixed(UInt64(right) ^ key)) & mask)
            )
        }
        return left << halfBits | right
    }
}
