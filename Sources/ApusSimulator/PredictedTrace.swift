import ApusBase
import ApusProgram
import ApusTrace

/// Puts the trace of a simulated step together.
struct PredictedTrace {
    let program: Program
    let programs: [LoweredProgram]
    let programOf: [Int]
    let table: LaneTable
    let machine: StepMachine

    func trace(of sets: [SimulatedStep.RankSet], subject: Trace.Subject) -> Trace {
        let queues = program.queueNames
        let ranks = sets.indices.map { index in
            var trace = RankTrace(
                rank: sets[index].rank, stage: sets[index].stage,
                standsFor: sets[index].rankCount, persistent: sets[index].persistent)
            let lowered = programs[programOf[index]]
            let source = program.classes[lowered.classIndex].instructions
            for (place, operation) in lowered.operations.enumerated() {
                trace.events.append(
                    TraceEvent(
                        step: 1, instruction: place,
                        start: machine.recording?.starts[index][place] ?? 0,
                        end: machine.recording?.ends[index][place] ?? 0,
                        held: lowered.held[place]))
                guard case .start(let transfer) = source[place] else { continue }
                let lane = table.lanes[table.laneOf[index][Int(operation.queue)]]
                let state = machine.transfers[lane.first + Int(operation.order)]
                trace.transfers.append(
                    TraceTransfer(
                        step: 1, instruction: place,
                        queue: queues.firstIndex(of: transfer.queue.name) ?? 0,
                        begin: state.begin, end: state.end, planned: transfer.size.count,
                        actual: transfer.size.count))
            }
            return trace
        }
        return Trace(
            source: .prediction, subject: subject,
            queues: queues, ranks: ranks.sorted { $0.rank < $1.rank })
    }
}
