import ApusBase
import ApusCost
import ApusSimulator

/// A simulated step as `--json` gives it out.
struct SimulationRecord: Encodable {
    /// The ranks that do the same.
    struct RankRecord: Encodable {
        var rank: Int
        var ranks: Int
        var stage: Int
        var computation_s: Double
        var communication_exposed_s: Double
        var group_waiting_s: Double
        var bubble_s: Double
        var persistent_bytes: Int
        var slots_peak_bytes: Int
    }

    var sequence_length: Int
    var step_time_s: Double
    var tokens: Int
    var tokens_per_s: Double
    /// Shares of the step's time in the mean over ranks; with `utilization` they add up to 1.
    var bubble: Double
    var communication_exposed: Double
    var group_waiting: Double
    var utilization: Double
    var memory_peak_bytes: Int
    /// By all ranks in one step.
    var bytes_sent: [String: Int]
    var ranks: [RankRecord]
    /// `null` where no condition was given.
    var undisturbed_step_time_s: Double?
    var instructions: Int
    var compile_seconds: Double
    var verify_seconds: Double
    var simulate_seconds: Double

    init(_ length: SimulatedLength) {
        let result = length.result
        sequence_length = length.length
        step_time_s = result.stepTime.count
        tokens = length.step.tokens
        tokens_per_s = length.tokensPerSecond
        bubble = result.bubble
        communication_exposed = result.communicationExposed
        group_waiting = result.skew
        utilization = result.utilization
        memory_peak_bytes = result.memoryPeak.count
        bytes_sent = Dictionary(
            uniqueKeysWithValues: result.sent.map { ($0.kind, $0.size.count) })
        ranks = result.rankSets.map { set in
            RankRecord(
                rank: set.rank.index, ranks: set.rankCount, stage: set.stage.index,
                computation_s: set.computation.count, communication_exposed_s: set.exposed.count,
                group_waiting_s: set.skew.count, bubble_s: set.bubble.count,
                persistent_bytes: set.persistent.count, slots_peak_bytes: set.slotPeak.count)
        }
        undisturbed_step_time_s = length.undisturbed?.stepTime.count
        instructions = result.instructionCount
        compile_seconds = length.compileSeconds
        verify_seconds = length.verifySeconds
        simulate_seconds = length.simulateSeconds
    }
}
