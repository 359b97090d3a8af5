package import ApusRouting

/// What training needs beyond the plan.
package struct RunSettings: Hashable, Sendable {
    package enum Tokenizer: String, Hashable, Sendable, CaseIterable {
        case bytes
    }

    package var seed: Int
    package var steps: Int
    package var learningRate: Double
    package var warmupSteps: Int
    package var weightDecay: Double
    package var gradientClip: Double
    package var precision: Precision
    package var tokenizer: Tokenizer
    /// The one length, or the first of a mix.
    package var sequenceLength: Int
    /// Where steps have several lengths in turn.
    package var mix: LengthMix?
    package var sequencesPerStep: Int
    /// Who decides where tokens go: the router, or a pattern in its place.
    package var routing: RoutingPattern

    package init(
        seed: Int = 1, steps: Int = 20, learningRate: Double = 1e-3, warmupSteps: Int = 5,
        weightDecay: Double = 0.1, gradientClip: Double = 1, precision: Precision = .fp32,
        tokenizer: Tokenizer = .bytes, sequenceLength: Int = 64, mix: LengthMix? = nil,
        sequencesPerStep: Int = 8, routing: RoutingPattern = .natural
    ) {
        self.seed = seed
        self.steps = steps
        self.learningRate = learningRate
        self.warmupSteps = warmupSteps
        self.weightDecay = weightDecay
        self.gradientClip = gradientClip
        self.precision = precision
        self.tokenizer = tokenizer
        self.sequenceLength = sequenceLength
        self.mix = mix
        self.sequencesPerStep = sequencesPerStep
        self.routing = routing
    }
}
