import ApusBase
import ApusPlan
import ApusProgram
import ApusTrace

extension MemoryPicture {
    /// What one rank of each stage held: in a prediction the one that stands for most, in a
    /// measurement the one that held most.
    init(_ steps: [TracedStep], program: Program, limit: Int?) {
        self.init(
            limit: limit,
            stages: program.classes.compactMap { programClass in
                let series = steps.compactMap { step -> Series? in
                    let ranks = step.ranks(of: programClass.stage)
                    let fullest = ranks.max {
                        ($0.peak, $1.trace.rank) < ($1.peak, $0.trace.rank)
                    }
                    let shown =
                        step.origin == .predicted
                        ? step.representative(of: programClass.stage) : fullest
                    return shown.map { $0.memory(of: step) }
                }
                return series.isEmpty ? nil : Stage("stage \(programClass.stage)", series)
            })
    }
}

extension TracedStep.RankStep {
    fileprivate var peak: Int { events.compactMap { $0?.held }.max() ?? 0 }

    fileprivate func memory(of step: TracedStep) -> Series {
        let known = events.compactMap(\.self).sorted {
            ($0.end, $0.instruction) < ($1.end, $1.instruction)
        }
        return Series(
            "\(step.origin), rank \(trace.rank)", step.origin,
            x: known.map { step.seconds($0.end) },
            y: known.map { Double(trace.persistent.count + $0.held) })
    }
}
