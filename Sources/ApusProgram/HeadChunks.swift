package import ApusBase
package import ApusPlan

/// How the head takes the tokens of a micro-batch: in chunks, so that their scores stay small.
package struct HeadChunks: Hashable, Sendable {
    package let count: Int
    /// What the head needs beside its state while it computes: the scores of a chunk
    /// `[tokens/count, vocab]` and their logarithmic softmax, in FP32.
    package let workspace: Bytes

    /// The most bytes of one chunk's scores, but for a single token's.
    private static let sizeMax = 64_000_000

    package init(tokens: Int, model: Model) {
        let scores = tokens * model.vocabularySize * 4
        count = min(tokens, max(1, (scores + Self.sizeMax - 1) / Self.sizeMax))
        let chunk = (tokens + count - 1) / max(1, count)
        workspace = Bytes(2 * chunk * model.vocabularySize * 4)
    }
}
