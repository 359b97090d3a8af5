package import ApusPlan

/// The sizes of one micro-batch on one rank.
package struct MicroBatchShape: Hashable, Sendable {
    /// Sequences of the micro-batch on one batch replica.
    package var sequences: Int
    /// Tokens of a whole sequence.
    package var length: Int
    package var context: Int
    package var tensor: Int
    package var expert: Int
    package var expertTensor: Int
    package var isSequenceParallel: Bool
    /// Whether the other batch replicas have nothing to do, as in the prefill of one request.
    package var isAlone = false

    package init(
        sequences: Int, length: Int, degrees: Degrees, isSequenceParallel: Bool
    ) {
        self.sequences = sequences
        self.length = length
        context = degrees.context
        tensor = degrees.tensor
        expert = degrees.expert
        expertTensor = degrees.expertTensor
        self.isSequenceParallel = isSequenceParallel && degrees.tensor > 1
    }

    /// Tokens that the tensor ranks of one context rank hold together.
    package var tokens: Int { max(1, sequences * length / context) }
    /// Tokens that one rank holds outside tensor-parallel products.
    package var localTokens: Int { isSequenceParallel ? max(1, tokens / tensor) : tokens }
    /// Tokens that one rank routes: with sequence parallelism its own share of them.
    package var expertTokens: Int {
        isSequenceParallel ? localTokens : max(1, tokens / tensor)
    }

    /// Rows that a rank's experts get when all experts get the same number.
    ///
    /// A rank sends `topK` rows for each of its tokens. The ranks that share slices of experts
    /// gather each other's rows. Where only one batch replica has tokens, its rows are shared out
    /// over all ranks that hold experts.
    package func expertRows(topK: Int) -> Int {
        let rows = expertTokens * topK * expertTensor
        return isAlone ? min(rows, max(1, tokens * context * topK / expert)) : rows
    }
}

extension Step {
    package var microBatchShape: MicroBatchShape {
        MicroBatchShape(
            sequences: sequencesPerMicroBatch, length: sequenceLength, degrees: degrees,
            isSequenceParallel: isSequenceParallel)
    }
}
