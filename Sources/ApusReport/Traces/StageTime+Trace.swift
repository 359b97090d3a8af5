import ApusBase
import ApusPlan
import ApusProgram
import ApusTrace

extension StageTime {
    /// How the ranks of a stage spent a step, in the mean over those that were traced.
    ///
    /// A wait is split where all sides of its transfer are there: before, a rank waits for another
    /// (of the next stage: a bubble; of its own: imbalance), afterwards for the wire.
    init?(_ step: TracedStep, stage: Stage) {
        let ranks = step.ranks(of: stage)
        let count = Double(ranks.map(\.trace.standsFor).reduce(0, +))
        guard count > 0 else { return nil }
        var sum = Use()
        for rank in ranks {
            sum.add(Use(rank, of: step), times: Double(rank.trace.standsFor))
        }
        self.init(
            name: "stage \(stage)", origin: step.origin, computation: sum.computation / count,
            communicationExposed: sum.exposed / count, bubble: sum.bubble / count)
        imbalance = sum.imbalance / count
    }
}

/// The time of one rank.
private struct Use {
    var computation = 0.0
    var exposed = 0.0
    var imbalance = 0.0
    var bubble = 0.0

    init() {}

    init(_ rank: TracedStep.RankStep, of step: TracedStep) {
        let programClass = step.program.programClass(of: rank.trace.rank)
        let starts = programClass.startOfWait
        for (index, instruction) in programClass.instructions.enumerated() {
            guard let event = rank.events[index] else { continue }
            switch instruction {
            case .forward, .backward, .weightBackward, .zeroGradients, .gradientNorm,
                .optimizerStep:
                computation += event.duration
            case .start, .free:
                // What the host does to hand a transfer over is time for communication.
                exposed += event.duration
            case .wait:
                let ready = starts[index].flatMap {
                    step.ready.moment(rank.trace.rank, step: event.step, start: $0)
                }
                let waiting = min(event.duration, max(0, (ready ?? event.start) - event.start))
                exposed += event.duration - waiting
                let queue = starts[index].flatMap { programClass.queue(startedAt: $0) }
                let stages = queue.map {
                    step.program.mesh.stages(of: $0, from: programClass.stage)
                }
                if (stages?.count ?? 1) > 1 {
                    bubble += waiting
                } else {
                    imbalance += waiting
                }
            }
        }
        // The end of the slowest rank is the end of the step for all.
        bubble += max(0, step.duration - computation - exposed - imbalance - bubble)
    }

    mutating func add(_ other: Use, times count: Double) {
        computation += other.computation * count
        exposed += other.exposed * count
        imbalance += other.imbalance * count
        bubble += other.bubble * count
    }
}

extension ProgramClass {
    /// The queue of the transfer that an instruction starts.
    fileprivate func queue(startedAt index: Int) -> Queue? {
        if case .start(let transfer) = instructions[index] { transfer.queue } else { nil }
    }
}
