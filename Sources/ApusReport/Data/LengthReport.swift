/// What a report shows of the step of one sequence length.
package struct LengthReport: Hashable, Sendable, Encodable {
    package var sequenceLength: Int
    /// What the section is of, where the length alone does not say it, such as `this run`.
    package var subject: String?
    package var predicted: StepFigures?
    package var measured: StepFigures?
    package var timeline: Timeline?
    /// How each stage spends the step.
    package var stageTimes: [StageTime] = []
    package var memory: MemoryPicture?
    /// Bytes that one rank or stage sends to another.
    package var communication: Matrix?
    /// Where prediction and measurement differ most, largest first.
    package var differences: [Difference] = []
    /// What the reader has to know of this step, such as what a local run replaced.
    package var notes: [String] = []

    package init(sequenceLength: Int) { self.sequenceLength = sequenceLength }
}

/// The figures of one step; `nil` is unknown.
package struct StepFigures: Hashable, Sendable, Encodable {
    package var stepTime: Double?
    package var tokensPerSecond: Double?
    /// The share of the step that a rank idles because of the schedule.
    package var bubble: Double?
    /// The share of the step that a rank waits for the wire.
    package var communicationExposed: Double?
    /// The share of the step that a rank waits for slower ranks of its stage.
    package var imbalance: Double?
    /// The busy share of compute time.
    package var utilization: Double?
    /// Bytes on the fullest rank.
    package var memoryPeak: Int?
    /// Bytes that a GPU has.
    package var memoryLimit: Int?
    /// Bytes that all ranks send, by kind, in the order to show.
    package var bytesSent: [Traffic] = []

    package struct Traffic: Hashable, Sendable, Encodable {
        package var kind: String
        package var bytes: Int

        package init(kind: String, bytes: Int) {
            self.kind = kind
            self.bytes = bytes
        }
    }

    package init() {}
}

/// How the ranks of a stage spend a step, in seconds.
package struct StageTime: Hashable, Sendable, Encodable {
    package var name: String
    package var origin: Origin
    package var computation: Double
    /// Waiting for the wire.
    package var communicationExposed: Double
    /// Waiting for slower ranks of the same stage.
    package var imbalance = 0.0
    /// Waiting because of the schedule.
    package var bubble: Double

    package init(
        name: String, origin: Origin, computation: Double, communicationExposed: Double,
        bubble: Double
    ) {
        self.name = name
        self.origin = origin
        self.computation = computation
        self.communicationExposed = communicationExposed
        self.bubble = bubble
    }

    package var total: Double { computation + communicationExposed + imbalance + bubble }
}

/// A kind of instruction whose prediction and measurement differ.
package struct Difference: Hashable, Sendable, Encodable {
    package var kind: String
    /// Seconds of a step on the rank where they differ most.
    package var predicted: Double
    package var measured: Double
    package var explanation: String

    package init(kind: String, predicted: Double, measured: Double, explanation: String) {
        self.kind = kind
        self.predicted = predicted
        self.measured = measured
        self.explanation = explanation
    }
}
