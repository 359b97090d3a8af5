import ApusPlan

/// What attention computes, and in which direction.
struct AttentionShape {
    var sequences: Int
    var queryLength: Int
    var keyLength: Int
    var heads: Int
    var keyValueHeads: Int
    var headDim: Int
    var valueHeadDim: Int
    var isCausal: Bool
    var pass: Pass

    var isValid: Bool {
        sequences > 0 && queryLength > 0 && keyLength > 0 && heads > 0 && headDim > 0
            && valueHeadDim > 0
    }

    /// Pairs of a query and a key that it sees; the last query sees all keys.
    var pairs: Double {
        let (queries, keys) = (Double(queryLength), Double(keyLength))
        guard isCausal else { return queries * keys }
        return keys >= queries ? queries * (keys - (queries - 1) / 2) : keys * (keys + 1) / 2
    }

    /// Two products forward; backward has the scores once more, and four gradients.
    ///
    /// Source: Dao 2023, "FlashAttention-2", §4.1.
    var flops: Double {
        let dims = Double(headDim) + Double(valueHeadDim)
        let forward = 2 * Double(sequences) * Double(heads) * dims * pairs
        return pass == .backward ? 2.5 * forward : forward
    }
}
