package import ApusPlan

/// How one layer is sliced and recomputed: all that its memory per micro-batch depends on.
package struct LayerShape: Hashable, Sendable {
    package var model: Model
    /// The degrees by which the layer computes.
    package var degrees: Degrees
    package var sequencesPerMicroBatch: Int
    package var sequenceLength: Int
    /// Whether norms and the residual stream see a slice of the tokens.
    package var sequenceParallel: Bool
    package var recompute: Plan.Recompute
    package var precision: Precision
    package var routing: Routing
    package var implementation: Implementation

    package init(
        model: Model, degrees: Degrees, sequencesPerMicroBatch: Int, sequenceLength: Int,
        sequenceParallel: Bool, recompute: Plan.Recompute = .none, precision: Precision = .bf16,
        routing: Routing = Routing(), implementation: Implementation = .standard
    ) {
        self.model = model
        self.degrees = degrees
        self.sequencesPerMicroBatch = sequencesPerMicroBatch
        self.sequenceLength = sequenceLength
        self.sequenceParallel = sequenceParallel
        self.recompute = recompute
        self.precision = precision
        self.routing = routing
        self.implementation = implementation
    }

    /// The shape of a step's layers.
    package init(_ step: Step) {
        let degrees = step.degrees
        self.init(
            model: step.model, degrees: degrees,
            sequencesPerMicroBatch: step.sequencesPerMicroBatch,
            sequenceLength: step.sequenceLength,
            sequenceParallel: step.isSequenceParallel,
            recompute: step.bucket.recompute, precision: step.workload.precision,
            routing: step.routing, implementation: step.implementation)
    }
}

/// Sizes that several parts share. All are `Double`, which no product of file values can trap.
extension LayerShape {
    var tensor: Double { Double(degrees.tensor) }

    /// Bytes of an element that is kept.
    ///
    /// Assumption: FP8 products read copies, and what is kept stays in 16 bits.
    var element: Double { Double(precision.elementBytes) }

    /// Tokens of the micro-batch that one context rank holds.
    var tokens: Double {
        Double(sequencesPerMicroBatch) * Double(sequenceLength) / Double(degrees.context)
    }
    /// Tokens that norms and the residual stream see.
    var streamTokens: Double { sequenceParallel ? tokens / tensor : tokens }

    /// `[tokens, hidden]` of the residual stream, in bytes: what stages send each other.
    package var stream: Double { streamTokens * Double(model.hiddenSize) * element }

    /// `[tokens, hidden]` gathered for a product from slices of the tokens; 0 where none is.
    var gathered: Double {
        degrees.tensor > 1 && sequenceParallel ? tokens * Double(model.hiddenSize) * element : 0
    }
}
