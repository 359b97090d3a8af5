package import ApusBase
import ApusPlan
package import ApusProgram

/// What happened when, as an interpreter of a program tells it: the simulator or the runtime.
///
/// Both write this one format, so a prediction and a measurement are compared instruction by
/// instruction. An event names its instruction by index; the program says what it is.
package struct Trace: Hashable, Sendable {
    package enum Source: String, Hashable, Sendable, CaseIterable {
        case prediction, measurement
    }

    package var source: Source
    package var subject: Subject
    /// The names of queues, which transfers refer to by index.
    package var queues: [String]
    /// In the order of their ranks.
    package var ranks: [RankTrace]

    package init(source: Source, subject: Subject, queues: [String], ranks: [RankTrace]) {
        self.source = source
        self.subject = subject
        self.queues = queues
        self.ranks = ranks
    }

    /// What was run.
    package struct Subject: Hashable, Sendable {
        /// The name of the deployment's file.
        package var deployment: String
        /// Of the program's text, in hexadecimal digits; equal programs have equal ones.
        package var program: String
        /// The mesh's degrees, such as `pp4,dp4,ep4`.
        package var layout: String
        package var worldSize: Int
        package var sequenceLength: Int
        package var sequencesPerMicroBatch: Int
        package var microBatches: Int
        package var tensorParallel: Int
        package var recompute: String
        package var precision: String

        /// What a program of a deployment does; without a fingerprint, which takes as long as
        /// printing the program, only to be looked at.
        package init(deployment: String, program: Program, isFingerprinted: Bool = true) {
            self.deployment = deployment
            self.program =
                isFingerprinted ? String(fingerprint(program.description), radix: 16) : ""
            layout = program.mesh.degrees.layout
            worldSize = program.mesh.worldSize
            sequenceLength = program.shape.sequenceLength
            sequencesPerMicroBatch = program.shape.sequencesPerMicroBatch
            microBatches = program.shape.microBatches
            tensorParallel = program.shape.tensorParallel
            recompute = program.shape.recompute.rawValue
            precision = program.shape.precision.rawValue
        }

        init() {
            (deployment, program, layout, recompute, precision) = ("", "", "", "", "")
            (worldSize, sequenceLength, sequencesPerMicroBatch) = (1, 1, 1)
            (microBatches, tensorParallel) = (1, 1)
        }
    }
}

/// What one rank did, or in a prediction all ranks that do the same.
package struct RankTrace: Hashable, Sendable {
    package var rank: Rank
    package var stage: Stage
    /// How many ranks did the same; 1 in a measurement.
    package var standsFor: Int
    /// What the rank holds from step to step: weights, gradients, optimizer states.
    package var persistent: Bytes
    package var events: [TraceEvent]
    package var transfers: [TraceTransfer]

    package init(
        rank: Rank, stage: Stage, standsFor: Int = 1, persistent: Bytes,
        events: [TraceEvent] = [], transfers: [TraceTransfer] = []
    ) {
        self.rank = rank
        self.stage = stage
        self.standsFor = standsFor
        self.persistent = persistent
        self.events = events
        self.transfers = transfers
    }
}

/// One instruction as a rank performed it.
package struct TraceEvent: Hashable, Sendable {
    /// The step's number, from 1.
    package var step: Int32
    package var instruction: Int32
    /// Seconds from the beginning of the trace.
    package var start: Double
    package var end: Double
    /// Bytes beyond `persistent` afterwards: in slots in a prediction, allocated in a measurement.
    package var held: Int

    package init(step: Int, instruction: Int, start: Double, end: Double, held: Int) {
        self.step = Int32(clamping: step)
        self.instruction = Int32(clamping: instruction)
        self.start = start
        self.end = end
        self.held = held
    }

    package var duration: Double { end - start }
}

/// One transfer between its start and its end, as one rank saw it.
package struct TraceTransfer: Hashable, Sendable {
    package var step: Int32
    /// The instruction that started it.
    package var instruction: Int32
    /// An index into `Trace.queues`.
    package var queue: Int32
    /// When the first byte is on the wire; in a measurement, when the rank handed it to its queue.
    package var begin: Double
    package var end: Double
    /// Bytes as the program plans them, and those that the rank's buffers held.
    package var planned: Int
    package var actual: Int

    package init(
        step: Int, instruction: Int, queue: Int, begin: Double, end: Double, planned: Int,
        actual: Int
    ) {
        self.step = Int32(clamping: step)
        self.instruction = Int32(clamping: instruction)
        self.queue = Int32(clamping: queue)
        self.begin = begin
        self.end = end
        self.planned = planned
        self.actual = actual
    }
}

extension Trace {
    /// The numbers of the steps that were traced, in order.
    package var steps: [Int] {
        Set(ranks.flatMap { $0.events.map { Int($0.step) } }).sorted()
    }

    /// From the first event of a step to its last, over all ranks.
    package func stepTime(_ step: Int) -> Double {
        var start = Double.infinity
        var end = -Double.infinity
        for rank in ranks {
            for event in rank.events where Int(event.step) == step {
                start = min(start, event.start)
                end = max(end, event.end)
            }
        }
        return max(0, end - start)
    }
}
