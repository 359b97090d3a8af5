package import ApusBase

/// What one training step did, as the log and the live line tell it.
package struct StepRecord: Hashable, Sendable {
    /// From 1.
    package var step: Int
    /// Tokens of each of its sequences.
    package var sequenceLength: Int
    /// Mean cross entropy over the step's tokens, before the update.
    package var loss: Double
    package var tokens: Int
    package var stepSeconds: Double
    package var learningRate: Double
    /// Before clipping.
    package var gradientNorm: Double
    /// Peak tensor bytes of the rank that holds most.
    package var memoryPeak: Bytes
    package var expertLoadCV: Double
    /// Assignments by layer and expert.
    package var expertLoads: [[Int]]
    /// Assignments over all layers; dropless routing keeps every one.
    package var kept: Int
    package var rerouted: Int
    package var buffered: Int
    package var dropped: Int
    /// Time in which a rank waited for a collective, averaged over ranks.
    package var communicationSeconds: Double
    /// Time in which a rank waited for its pipeline neighbours, averaged over ranks.
    package var bubbleSeconds: Double
    /// Computation for micro-batches by stage, averaged over the stage's ranks.
    package var stageComputeSeconds: [Double]

    /// Whether some rank was asked to stop, so that no rank goes on after this step.
    package var endsRun: Bool

    /// Standard deviation ÷ mean of the stages' compute times.
    package var stageTimeVariance: Double {
        let mean = stageComputeSeconds.reduce(0, +) / Double(max(1, stageComputeSeconds.count))
        guard mean > 0 else { return 0 }
        let squares = stageComputeSeconds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(stageComputeSeconds.count)).squareRoot() / mean
    }

    package var tokensPerSecond: Double { stepSeconds > 0 ? Double(tokens) / stepSeconds : 0 }
}
