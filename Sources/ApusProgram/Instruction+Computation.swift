extension Instruction {
    /// Whether the instruction computes for a micro-batch: what the layers of a stage cost.
    ///
    /// What is done once a step with all weights is not counted.
    package var isMicroBatchComputation: Bool {
        switch self {
        case .forward, .backward, .weightBackward: true
        case .zeroGradients, .start, .wait, .free, .gradientNorm, .optimizerStep: false
        }
    }
}
