import ApusBase
import ApusProgram
import ApusTrace

/// Notes when a rank performed each instruction of its last steps, and what it held and sent.
struct StepRecorder {
    private struct RecordedStep {
        var events: [TraceEvent] = []
        var transfers: [TraceTransfer] = []
    }

    private struct OpenTransfer {
        var place: Int
        var id: Transfer.ID
    }

    private let stepCountMax: Int
    private let queues: [String: Int]
    private var steps: [RecordedStep] = []
    private var open: [OpenTransfer] = []
    /// What the transfer that is being started sends.
    private var sending: Bytes?
    /// What the rank held before the first traced step.
    private var persistent: [Bytes] = []

    /// A recorder that keeps the last `stepCountMax` steps of a program.
    init(stepCountMax: Int, program: Program) {
        self.stepCountMax = stepCountMax
        queues = Dictionary(
            program.queueNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { $1 })
    }

    mutating func beginStep(held: Bytes) {
        if steps.count == stepCountMax {
            steps.removeFirst()
            persistent.removeFirst()
        }
        steps.append(RecordedStep())
        persistent.append(held)
        open = []
    }

    /// Says how many bytes leave this rank with the transfer that the current instruction starts.
    mutating func sends(_ size: Bytes) { sending = size }

    /// Takes note of an instruction that was performed.
    mutating func note(
        _ instruction: Instruction, at index: Int, step: Int, from start: Double, to end: Double,
        held: Bytes
    ) {
        let last = steps.count - 1
        steps[last].events.append(
            TraceEvent(
                step: step, instruction: index, start: start, end: end, held: held.count))
        switch instruction {
        case .start(let transfer):
            open.append(OpenTransfer(place: steps[last].transfers.count, id: transfer.id))
            steps[last].transfers.append(
                TraceTransfer(
                    step: step, instruction: index, queue: queues[transfer.queue.name] ?? 0,
                    begin: start, end: end, planned: transfer.size.count,
                    actual: (sending ?? transfer.size).count))
            sending = nil
        case .wait(let id):
            guard let found = open.lastIndex(where: { $0.id == id }) else { return }
            steps[last].transfers[open.remove(at: found).place].end = end
        case .forward, .backward, .weightBackward, .zeroGradients, .free, .gradientNorm,
            .optimizerStep:
            break
        }
    }

    /// The rank's part of a trace.
    func trace(rank: Rank, stage: Stage) -> RankTrace {
        let base = persistent.first ?? .zero
        var result = RankTrace(rank: rank, stage: stage, persistent: base)
        for step in steps {
            result.events += step.events.map { event in
                var event = event
                event.held -= base.count
                return event
            }
            result.transfers += step.transfers
        }
        return result
    }
}
