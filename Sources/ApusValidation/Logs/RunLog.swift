/// What a training run's log says of each step, whoever wrote it.
package struct RunLog: Hashable, Sendable {
    /// Who writes such logs.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case megatron = "megatron-lm"
        case torchTitan = "torchtitan"
        /// A trace of PyTorch's profiler.
        case kineto
    }

    package struct Step: Hashable, Sendable {
        package var number: Int
        package var seconds: Double?
        /// Of all ranks together.
        package var tokensPerSecond: Double?
        package var tokensPerSecondPerGPU: Double?
        package var teraFLOPsPerGPU: Double?
        /// The most that the rank that logs it held at once.
        package var memoryPeakBytes: Int?
        package var loss: Double?

        package init(number: Int) { self.number = number }
    }

    package var kind: Kind
    package var file: String
    package var steps: [Step]
    /// Ranks of the job, where the log says it.
    package var worldSize: Int?

    package init(kind: Kind, file: String, steps: [Step], worldSize: Int? = nil) {
        self.kind = kind
        self.file = file
        self.steps = steps
        self.worldSize = worldSize
    }

    /// The median over the steps that say a figure, without the first tenth of them, in which a run
    /// warms up.
    package func median(_ figure: (Step) -> Double?) -> Double? {
        let values = steps.dropFirst(steps.count / 10).compactMap(figure).sorted()
        return values.isEmpty ? nil : values[values.count / 2]
    }
}
