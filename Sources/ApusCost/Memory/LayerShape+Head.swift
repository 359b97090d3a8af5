import ApusPlan

extension LayerShape {
    /// What the head holds of a micro-batch at once: logits on the way to their gradient, the final
    /// norm's input and output, and the gathered output with its gradient.
    ///
    /// A weight gradient in a buffer of its own comes when only the logits' gradient is left. The
    /// head's backward is over before that of the last layer begins.
    func head(paddedVocabulary: Double, weightGradient: Double) -> Double {
        let scores = tokens * paddedVocabulary / tensor
        return max(scores * bytesPerScore, scores * element + weightGradient) + 2 * stream
            + 2 * gathered
    }

    /// Bytes held for each logit until its gradient is there.
    ///
    /// Source: the cross-entropy functions of Megatron-Core and Transformer Engine; the sizes hold
    /// for Megatron-Core CI runs without fusion (6) and with (10), and for SimuMax's B200 runs (2).
    private var bytesPerScore: Double {
        switch implementation.crossEntropy {
        case .separate: element + 4
        case .compiled: element + 2 * 4
        case .inPlace: element
        }
    }
}
