import ApusAudit
import ApusBase
import ApusCost
import ApusPlan

/// `apus explain` for people.
struct ExplanationText {
    private(set) var lines: [String] = []

    init(_ explanation: Explanation) {
        addEntries("parameters", explanation.parameters)
        for (length, entries) in explanation.flops {
            lines.append("")
            addEntries("forward FLOPs per token at \(counted(length, "token", "tokens"))", entries)
        }
        for entry in explanation.lengths { addStep(entry) }
    }

    private mutating func addEntries(_ title: String, _ entries: [Explanation.Entry]) {
        lines.append(title)
        for entry in entries {
            guard let value = entry.measure.number, value > 0 else { continue }
            lines.append(
                "  " + filled(entry.name, 11) + aligned(grouped(Int(value)), 19) + "  "
                    + entry.measure.why)
        }
        if let source = entries.first?.measure.source { lines.append("  source: \(source)") }
    }

    private mutating func addStep(_ entry: Explanation.LengthEntry) {
        let prediction = entry.prediction
        let rate = significant(prediction.tokensPerSecondPerGPU)
        lines += [
            "",
            "length \(entry.step.sequenceLength): \(prediction.stepTime) a step "
                + "(\(prediction.low) to \(prediction.high)), \(rate) tokens/s/GPU, "
                + "MFU \(percent(prediction.modelFLOPsUtilization)), "
                + counted(entry.step.microBatches, "micro-batch", "micro-batches"),
            "  where the time of the slowest stage goes",
        ]
        for part in prediction.breakdown.parts where part.time > .zero {
            let share = percent(part.time / prediction.stepTime)
            lines.append(
                "    " + filled(part.name, 16) + aligned("\(part.time)", 10)
                    + aligned(share, 8))
        }
        lines.append(
            "  \(percent(prediction.measuredShare)) of the computation rests on measured or "
                + "interpolated kernels, the rest on a roofline")
        lines.append(
            "  one request in the training layout, nothing queued: first token after "
                + "\(entry.timeToFirstToken), then one every \(entry.timePerOutputToken)")
        addProgram(entry.program)
        addStages(entry)
    }

    private mutating func addProgram(_ program: Explanation.ProgramPrice?) {
        guard let program else {
            return lines.append("  the plan cannot be compiled into a program yet")
        }
        lines.append(
            "  one flush of the compiled program, instruction by instruction: "
                + "\(program.simulated); closed form with the same overlap: "
                + "\(program.closedForm)")
    }

    private mutating func addStages(_ entry: Explanation.LengthEntry) {
        let prediction = entry.prediction
        lines.append("  one rank of each stage: time of a micro-batch, memory, traffic of a step")
        let memory = prediction.memory.first?.parts.map(\.name) ?? []
        let traffic = entry.traffic.first?.parts.map(\.name) ?? []
        lines.append(
            "    stage" + aligned("forward", 10) + aligned("backward", 10)
                + (memory + traffic).map { aligned($0, 14) }.joined())
        var previous: String?
        for stage in prediction.memory.indices {
            let time = prediction.stages[stage]
            let sizes =
                prediction.memory[stage].parts.map(\.size)
                + entry.traffic[stage].parts.map(\.size)
            let row =
                aligned("\(time.forward)", 10) + aligned("\(time.backward)", 10)
                + sizes.map { aligned("\($0)", 14) }.joined()
            if row != previous { lines.append("    " + aligned("\(stage)", 5) + row) }
            previous = row
        }
    }

    private func filled(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func aligned(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
