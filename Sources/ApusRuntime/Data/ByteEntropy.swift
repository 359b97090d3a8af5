package import ApusBase

import func Glibc.log

/// How well bytes could be guessed by one who knows only how often each occurs.
///
/// A language model that has learnt more than frequencies has a lower loss than this.
package struct ByteEntropy: Hashable, Sendable {
    package var bitsPerByte: Double
    /// The same in the unit of the training loss.
    package var natsPerByte: Double
    /// How many bytes were counted.
    package var counted: Bytes
    /// Whether every byte of the corpus was counted.
    package var isExact: Bool

    /// The entropy of order 0 of how often each byte value occurs.
    ///
    /// Source: Shannon 1948, "A mathematical theory of communication", §6.
    package init(counts: [Int], isExact: Bool = true) {
        let total = counts.reduce(0, +)
        var nats = 0.0
        for count in counts where count > 0 {
            let share = Double(count) / Double(total)
            nats -= share * log(share)
        }
        natsPerByte = nats
        bitsPerByte = nats / log(2)
        counted = Bytes(total)
        self.isExact = isExact
    }
}

extension Corpus {
    /// The byte entropy of the corpus, read piece by piece.
    ///
    /// A corpus larger than `limit` is sampled: 256 pieces of equal size at equal distances.
    package func entropy(limit: Bytes = Bytes(1 << 28)) -> ByteEntropy {
        var counts = [Int](repeating: 0, count: 256)
        guard size > limit else {
            countBytes(in: 0..<size.count, into: &counts)
            return ByteEntropy(counts: counts)
        }
        let pieceCount = 256
        let piece = max(1, limit.count / pieceCount)
        for index in 0..<pieceCount {
            let start = Int(Double(size.count - piece) * Double(index) / Double(pieceCount - 1))
            countBytes(in: start..<(start + piece), into: &counts)
        }
        return ByteEntropy(counts: counts, isExact: false)
    }
}
