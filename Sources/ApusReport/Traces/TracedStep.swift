import ApusBase
import ApusPlan
import ApusProgram
import ApusTrace

/// One step of a trace, with times from its beginning and instructions found by index.
struct TracedStep {
    struct RankStep {
        var trace: RankTrace
        /// By instruction: when it ran, and what the rank held afterwards.
        var events: [TraceEvent?]
        /// By the instruction that started it.
        var transfers: [TraceTransfer?]
    }

    let program: Program
    let origin: Origin
    /// The step's number in the trace.
    let number: Int
    let duration: Double
    private(set) var ranks: [RankStep] = []
    let ready: ReadyTimes

    /// The step whose time is the median of the trace; `nil` where the trace has none.
    init?(_ trace: Trace, program: Program) {
        let steps = trace.steps.map { (number: $0, time: trace.stepTime($0)) }
        guard !steps.isEmpty else { return nil }
        let chosen = steps.sorted { ($0.time, $0.number) < ($1.time, $1.number) }[
            (steps.count - 1) / 2]
        self.program = program
        origin = trace.source == .prediction ? .predicted : .measured
        number = chosen.number
        duration = chosen.time
        ready = ReadyTimes(trace, program)
        let own = Int32(clamping: number)
        let start =
            trace.ranks.flatMap(\.events).filter { $0.step == own }.map(\.start).min() ?? 0
        offset = start
        for rank in trace.ranks where rank.rank.index < program.mesh.worldSize {
            let count = program.programClass(of: rank.rank).instructions.count
            var step = RankStep(
                trace: rank, events: Array(repeating: nil, count: count),
                transfers: Array(repeating: nil, count: count))
            for event in rank.events where event.step == own {
                guard step.events.indices.contains(Int(event.instruction)) else { continue }
                step.events[Int(event.instruction)] = event
            }
            for entry in rank.transfers where entry.step == own {
                guard step.transfers.indices.contains(Int(entry.instruction)) else { continue }
                step.transfers[Int(entry.instruction)] = entry
            }
            ranks.append(step)
        }
    }

    private let offset: Double

    /// A moment of the trace as seconds from the beginning of the step.
    func seconds(_ moment: Double) -> Double { moment - offset }

    func ranks(of stage: Stage) -> [RankStep] { ranks.filter { $0.trace.stage == stage } }

    /// The rank that stands for most of a stage.
    func representative(of stage: Stage) -> RankStep? {
        let all = ranks(of: stage)
        let most = all.map(\.trace.standsFor).max() ?? 0
        return all.first { $0.trace.standsFor == most }
    }
}
