import ApusBase
import ApusPlanner
import Foundation

/// The line of `--log` that tells of layers that went to other stages.
struct RebalanceLog: Codable {
    static let event = "rebalanced"

    var event: String
    /// The step after which they did.
    var step: Int
    /// Layers of each virtual stage from now on, from the embedding to the head.
    var layers_per_stage: [Int]
    var layers_per_stage_before: [Int]
    var slow_stage: Int
    /// How many times as long as the others it computed.
    var slow_ratio: Double
    var predicted_step_time_before_s: Double
    var predicted_step_time_s: Double

    init(_ proposal: Rebalancer.Proposal, after step: Int) {
        event = Self.event
        self.step = step
        layers_per_stage = proposal.after
        layers_per_stage_before = proposal.before
        slow_stage = proposal.slow.stage.index
        slow_ratio = proposal.slow.ratio
        predicted_step_time_before_s = proposal.stepTimeBefore.count
        predicted_step_time_s = proposal.stepTimeAfter.count
    }

    init?(line: String) {
        guard line.hasPrefix("{"),
            let log = try? JSONDecoder().decode(RebalanceLog.self, from: Data(line.utf8)),
            log.event == Self.event
        else { return nil }
        self = log
    }

    var line: String { jsonLine(self) }

    /// The same for people.
    var words: String {
        let gain = 1 - predicted_step_time_s / predicted_step_time_before_s
        return "balance stage \(slow_stage) computes \(fixed(slow_ratio, decimals: 2)) times as "
            + "long as the others: layers \(list(layers_per_stage_before)) become "
            + "\(list(layers_per_stage)), predicted to save \(percent(gain)) of the step"
    }

    private func list(_ counts: [Int]) -> String {
        "[" + counts.map(String.init).joined(separator: ", ") + "]"
    }
}
