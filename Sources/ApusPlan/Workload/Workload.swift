/// What a deployment is asked to do.
package struct Workload: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case training, inference
    }
    package enum Optimizer: String, Hashable, Sendable, CaseIterable {
        case adam, adamw
    }

    package var kind: Kind
    package var sequencesPerBatch: Int
    package var sequenceLengths: [Int]
    /// Shares of the lengths, in their order; equal where the file names none.
    package var lengthWeights: [Double]?
    package var precision: Precision
    package var optimizer: Optimizer
    package var optimizerPrecision: Precision

    package init(
        kind: Kind = .training, sequencesPerBatch: Int, sequenceLengths: [Int],
        lengthWeights: [Double]? = nil, precision: Precision = .bf16,
        optimizer: Optimizer = .adamw, optimizerPrecision: Precision = .fp32
    ) {
        self.kind = kind
        self.sequencesPerBatch = sequencesPerBatch
        self.sequenceLengths = sequenceLengths
        self.lengthWeights = lengthWeights
        self.precision = precision
        self.optimizer = optimizer
        self.optimizerPrecision = optimizerPrecision
    }

    package var lengthWeightsOrDefault: [Double] {
        lengthWeights ?? sequenceLengths.map { _ in 1 }
    }

    /// Its lengths in turn, where it has several.
    package var mix: LengthMix? {
        guard sequenceLengths.count > 1, lengthWeightsOrDefault.count == sequenceLengths.count
        else { return nil }
        return LengthMix(lengths: sequenceLengths, weights: lengthWeightsOrDefault)
    }

    /// Bytes of the FP32 master copy that the optimizer keeps of a narrower weight.
    package var masterByteCount: Int { precision.elementBytes < 4 ? 4 : 0 }
}

/// A number type in which a deployment computes or stores.
package enum Precision: String, Hashable, Sendable, CaseIterable {
    case fp32, tf32, fp16, bf16, fp8

    /// Bytes of one stored element.
    package var byteCount: Int {
        switch self {
        case .fp32, .tf32: 4
        case .fp16, .bf16: 2
        case .fp8: 1
        }
    }

    /// The type in which weights, activations and messages are kept.
    ///
    /// Products in FP8 cast their operands from BF16, and the cost model counts them so.
    package var kept: Precision { self == .fp8 ? .bf16 : self }

    /// Bytes of one number of a weight, an activation or a message.
    package var elementBytes: Int { kept.byteCount }
}
