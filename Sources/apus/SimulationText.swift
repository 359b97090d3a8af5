import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusSimulator
import ApusTrace

/// A simulated step for people to read.
struct SimulationText {
    private let length: SimulatedLength
    private let style: TimelineStyle
    private let quiet: Bool

    init(_ length: SimulatedLength, style: TimelineStyle, quiet: Bool) {
        self.length = length
        self.style = style
        self.quiet = quiet
    }

    var lines: [String] { [heading] + figures + timeline + work }

    private var result: SimulatedStep { length.result }

    private var heading: String {
        let plan = length.step.plan
        return
            "length \(length.length): \(counted(length.step.sequences, "sequence", "sequences")) "
            + "a step on \(counted(result.rankCount, "rank", "ranks")), \(plan.degrees.layout), "
            + "\(plan.schedule.name), \(length.program.shape.microBatches) micro-batches of "
            + "\(length.program.shape.sequencesPerMicroBatch)"
    }

    private var figures: [String] {
        let rate = grouped(Int(length.tokensPerSecond.rounded()))
        var lines = [
            "step     \(result.stepTime), \(rate) tokens/s"
        ]
        if let undisturbed = length.undisturbed {
            let change = result.stepTime / undisturbed.stepTime - 1
            lines.append(
                "         \(undisturbed.stepTime) without these conditions: "
                    + "\(change < 0 ? "" : "+")\(percent(change))")
        }
        lines.append(
            "time     computation \(percent(result.utilization)), bubble "
                + "\(percent(result.bubble)), communication exposed "
                + percent(result.communicationExposed)
                + (result.skew > 0 ? ", waiting for slower members \(percent(result.skew))" : ""))
        if let fullest = result.rankSets.max(by: { $0.memoryPeak < $1.memoryPeak }) {
            lines.append(
                "memory   \(fullest.memoryPeak) at most, on rank \(fullest.rank) (stage "
                    + "\(fullest.stage)): \(fullest.persistent) of weights, gradients and "
                    + "optimizer, \(fullest.slotPeak) in slots")
        }
        let sent = result.sent.map { "\($0.kind) \($0.size)" }.joined(separator: ", ")
        lines.append("sent     \(sent.isEmpty ? "nothing" : sent)")
        return lines
    }

    private var timeline: [String] {
        guard let trace = result.trace else { return [] }
        let shown = shownRanks(of: trace)
        let labels = shown.map { label($0, among: trace) }
        let margin = (labels.map(\.count).max() ?? 0) + 2
        let columns = min(160, max(20, style.width - margin))
        var lines: [String] = []
        for (rank, label) in zip(shown, labels) {
            let drawn = Timeline(
                rank, program: length.program.programClass(of: rank.rank), columns: columns,
                end: result.stepTime.count)
            let space = String(repeating: " ", count: margin - label.count)
            lines.append(label + space + drawn.parts(style))
            let peak = "\(rank.memoryPeak)"
            let memory = String(repeating: " ", count: max(1, margin - peak.count - 1))
            lines.append(
                memory + peak + " " + drawn.memory(style, full: result.memoryPeak))
        }
        if shown.count < Set(trace.ranks.map(\.stage)).count {
            lines.append("… and \(Set(trace.ranks.map(\.stage)).count - shown.count) more stages")
        }
        let legend = TimelinePart.allCases.map { "\($0.sign(style)) \($0.name)" }
        return lines + [legend.joined(separator: "  ") + "; below: memory"]
    }

    private static let shownMax = 16

    /// One rank for each stage, and those that conditions set apart.
    private func shownRanks(of trace: Trace) -> [RankTrace] {
        var shown: [RankTrace] = []
        for stage in Set(trace.ranks.map(\.stage)).sorted() {
            let ranks = trace.ranks.filter { $0.stage == stage }
            let most = ranks.map(\.standsFor).max() ?? 1
            if let usual = ranks.first(where: { $0.standsFor == most }) { shown.append(usual) }
        }
        return Array(shown.prefix(Self.shownMax))
    }

    private func label(_ rank: RankTrace, among trace: Trace) -> String {
        let isWhole = trace.ranks.count(where: { $0.stage == rank.stage }) == 1
        return "stage \(rank.stage)" + (isWhole ? "" : " (rank \(rank.rank))")
    }

    private var work: [String] {
        guard !quiet else { return [] }
        let seconds = length.simulateSeconds
        return [
            "compiled in \(Seconds(length.compileSeconds)), proven in "
                + "\(Seconds(length.verifySeconds)), \(grouped(result.instructionCount)) "
                + "instructions simulated and traced in \(Seconds(seconds))"
        ]
    }
}
