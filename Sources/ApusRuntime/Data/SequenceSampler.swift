package import ApusBase

/// Which tokens are the training sequence at each position of a run.
///
/// The corpus is packed into windows of `length` tokens, each with the one token after it as the
/// last target. An epoch shows every window once, in an order of its own. What stands at a position
/// is a pure function of seed and position: a run goes on from any step, in any layout, with the
/// sequences that it would have seen.
package struct SequenceSampler: Hashable, Sendable {
    /// The count of tokens that a sequence feeds in; it also holds one more, the last target.
    package let length: Int
    package let windowCount: Int
    package let seed: UInt64

    /// A sampler of a corpus of `tokenCount` tokens.
    ///
    /// - Throws: `Problems` when the corpus does not fill one window.
    package init(tokenCount: Int, length: Int, seed: UInt64) throws(Problems) {
        precondition(length > 0, "sequences hold tokens")
        guard tokenCount > length else {
            throw Problems([
                Diagnostic(
                    .dataSize,
                    problem: "the training text has \(tokenCount) bytes, "
                        + "one sequence of \(length) tokens needs \(length + 1)",
                    expected: "at least \(length + 1) bytes of text",
                    hint: "name more text with `--data`, or shorten `run.sequence_length`")
            ])
        }
        self.length = length
        self.seed = seed
        windowCount = (tokenCount - 1) / length
    }

    /// How often the whole corpus was seen before a position.
    package func epoch(at position: Int) -> Int { position / windowCount }

    /// The window at a position, from 0 up to `windowCount`.
    package func windowIndex(at position: Int) -> Int {
        precondition(position >= 0, "positions count from 0")
        let epochSeed = mixed(mixed(seed) &+ UInt64(epoch(at: position)))
        return Permutation(count: windowCount, seed: epochSeed)[position % windowCount]
    }

    /// The indices of the tokens at a position, `length + 1` of them.
    package func tokenRange(at position: Int) -> Range<Int> {
        let start = windowIndex(at: position) * length
        return start..<(start + length + 1)
    }

    /// The tokens at a position, `[length + 1]`: the inputs are all but the last, the targets all
    /// but the first.
    ///
    /// A position is step × sequences per step + the sequence's global index in the step.
    package func window(at position: Int, of corpus: borrowing Corpus) -> [Int64] {
        corpus.tokens(in: tokenRange(at: position))
    }
}
