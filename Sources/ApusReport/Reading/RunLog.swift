package import ApusBase
import Foundation

/// What `apus train --log` wrote: one JSON object per line, a step or an event.
package struct RunLog: Hashable, Sendable {
    package private(set) var run = RunReport(steps: [])
    package private(set) var experts: ExpertLoad?

    /// Steps whose expert loads a report shows.
    private static let framesMax = 12
    private static let stepsMax = 1_000_000

    /// - Throws: `Problems` with the first line that is no JSON object.
    package init(bytes: [UInt8], file: String) throws(Problems) {
        var loads: [(step: Int, layers: [[Double]])] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard line.contains(where: { $0 != 32 && $0 != 13 }) else { continue }
            guard line.count <= ReportInput.lineSizeMax, run.steps.count < Self.stepsMax,
                let entry = try? JSONDecoder().decode(LogLine.self, from: Data(line))
            else {
                throw unreadable(
                    file, line: index + 1, "cannot read the line as a step or an event of a run",
                    expected: "a JSON object with `step` or `event`, as `apus train --log` writes")
            }
            if let event = entry.event {
                run.events.append(entry.step.map { "step \($0): \(event)" } ?? event)
            } else if let step = entry.reportedStep {
                run.steps.append(step)
                if let layers = entry.expert_load { loads.append((step.step, layers)) }
            }
        }
        experts = Self.experts(loads)
    }

    /// The loads of the first step, the last, and some between, as multiples of the even share.
    private static func experts(_ loads: [(step: Int, layers: [[Double]])]) -> ExpertLoad? {
        let shape = loads.first?.layers.map(\.count) ?? []
        guard let experts = shape.first, experts > 0, Set(shape) == [experts] else { return nil }
        let alike = loads.filter { $0.layers.map(\.count) == shape }
        let count = min(framesMax, alike.count)
        let chosen = (0..<count).map { index in
            alike[count == 1 ? 0 : index * (alike.count - 1) / (count - 1)]
        }
        return ExpertLoad(
            .measured,
            frames: chosen.map { step, layers in
                let shares = layers.map { loads in
                    let mean = loads.reduce(0, +) / Double(experts)
                    return loads.map { mean > 0 ? shortened($0 / mean) : 0 }
                }
                let values = (0..<experts).map { expert in shares.map { $0[expert] } }
                return ExpertLoad.Frame(
                    step: step,
                    load: Matrix(
                        rows: (0..<experts).map(String.init),
                        columns: layers.indices.map(String.init), values: values, unit: .share,
                        rowName: "expert", columnName: "layer"))
            })
    }
}

/// A line of the log; every field but `step` may be missing.
private struct LogLine: Decodable {
    var step: Int?
    var event: String?
    var loss: Double?
    var tokens: Int?
    var tokens_per_s: Double?
    var step_time_s: Double?
    var grad_norm: Double?
    var memory_peak_bytes: Int?
    var expert_load_cv: Double?
    var communication_s: Double?
    var bubble_s: Double?
    var kept: Int?
    var rerouted: Int?
    var buffered: Int?
    var dropped: Int?
    /// Assignments by layer and expert.
    var expert_load: [[Double]]?

    var reportedStep: RunReport.Step? {
        guard let number = step else { return nil }
        var step = RunReport.Step(step: number)
        step.loss = loss
        step.tokens = tokens
        step.tokensPerSecond = tokens_per_s
        step.stepTime = step_time_s
        step.gradientNorm = grad_norm
        step.memoryPeak = memory_peak_bytes
        step.expertLoadCV = expert_load_cv
        step.communication = communication_s
        step.bubble = bubble_s
        step.kept = kept
        step.rerouted = rerouted
        step.buffered = buffered
        step.dropped = dropped
        return step
    }
}
