import ApusBase
import ApusProgram
import ApusTrace

extension Timeline {
    /// A lane for each traced rank, the predicted ones first.
    init(_ steps: [TracedStep], program: Program) {
        self.init(stages: program.classes.map { Stage($0, steps: steps, program: program) })
    }
}

extension Timeline.Stage {
    fileprivate init(_ programClass: ProgramClass, steps: [TracedStep], program: Program) {
        let kinds = programClass.timelineKinds
        // What takes no time on any rank, such as the end of a slot's life, is left out.
        let shown = kinds.indices.filter { kinds[$0] != nil }
        let events = shown.map { index in
            programClass.timelineEvent(index, kind: kinds[index] ?? .other)
        }
        let lanes = steps.flatMap { step in
            step.ranks(of: programClass.stage).map { rank in
                Timeline.Lane(rank, of: step, shown: shown)
            }
        }
        self.init(
            "stage \(programClass.stage) · layers \(programClass.layerWords)",
            events: events, lanes: lanes)
    }
}

extension Timeline.Lane {
    fileprivate init(_ rank: TracedStep.RankStep, of step: TracedStep, shown: [Int]) {
        let count = rank.trace.standsFor
        let name = "rank \(rank.trace.rank)" + (count > 1 ? " (stands for \(count))" : "")
        self.init(
            name, step.origin,
            spans: shown.map { index in
                if let transfer = rank.transfers[index] {
                    return step.span(of: transfer, by: rank.trace.rank)
                }
                return rank.events[index].map {
                    .init(step.seconds($0.start), step.seconds($0.end))
                }
            },
            actualBytes: step.origin == .predicted
                ? [] : shown.map { rank.transfers[$0]?.actual })
    }
}

extension ProgramClass {
    private struct Run: Hashable {
        var island: Island
        var microBatch: Int
    }

    /// By instruction, what the picture shows it as; `nil` for what takes no time.
    fileprivate var timelineKinds: [Timeline.Kind?] {
        var seen: Set<Run> = []
        return instructions.map { instruction in
            switch instruction {
            case .forward(let run):
                // What ran forward before runs so again to be ready for backward.
                let isFirst = seen.insert(
                    Run(island: run.island, microBatch: run.microBatch)
                ).inserted
                return isFirst ? .forward : .recompute
            case .backward: return .backward
            case .weightBackward: return .weightGradient
            case .zeroGradients, .gradientNorm, .optimizerStep: return .optimizer
            case .start(let transfer): return transfer.id.payload.timelineKind
            case .wait: return .wait
            case .free: return nil
            }
        }
    }

    fileprivate func timelineEvent(_ index: Int, kind: Timeline.Kind) -> Timeline.Event {
        let instruction = instructions[index]
        var event = Timeline.Event(instruction.description, kind)
        switch instruction {
        case .forward(let run):
            event.microBatch = run.microBatch
            event.layer = run.island.layer
            event.plannedBytes = size(of: run.outputs + [run.state].compactMap(\.self))
        case .backward(let run):
            event.microBatch = run.microBatch
            event.layer = run.island.layer
            event.plannedBytes = size(of: instruction.written)
        case .weightBackward(let run):
            event.microBatch = run.microBatch
            event.layer = run.island.layer
        case .start(let transfer):
            (event.layer, event.microBatch) = transfer.id.payload.place
            event.plannedBytes = transfer.size.count
        case .wait(let id):
            (event.layer, event.microBatch) = id.payload.place
        case .zeroGradients, .free, .gradientNorm, .optimizerStep: break
        }
        return event
    }

    private func size(of written: [Slot]) -> Int? {
        let known = written.filter { slots.indices.contains($0.index) }
        return known.isEmpty ? nil : known.map { slots[$0.index].size.count }.reduce(0, +)
    }
}

extension Payload {
    fileprivate var timelineKind: Timeline.Kind {
        switch self {
        case .activation, .activationGradient: .stageTransfer
        case .gather, .scatter, .scatterGradient, .gatherGradient: .sliceTransfer
        case .counts, .dispatch, .combine, .combineGradient, .dispatchGradient: .expertTransfer
        case .gradients, .weights, .statistics: .reduction
        }
    }
}

extension TracedStep {
    /// When a transfer was on the wire: from when all sides were there until the first saw that it
    /// was complete.
    fileprivate func span(of transfer: TraceTransfer, by rank: Rank) -> Timeline.Span {
        let start = Int(transfer.instruction)
        let arrival = ready.arrival(rank, step: transfer.step, start: start)
        let end = min(transfer.end, arrival ?? transfer.end)
        let moment = ready.moment(rank, step: transfer.step, start: start)
        let begin = min(end, max(transfer.begin, moment ?? transfer.begin))
        return Timeline.Span(seconds(begin), seconds(end))
    }
}
