import ApusBase
import ApusRuntime
import Foundation

/// One line of `--log`: what a training step did, under the field names that others build on.
struct StepLog: Codable {
    var step: Int
    /// Older logs have none.
    var sequence_length: Int?
    var loss: Double
    var tokens: Int
    var tokens_per_s: Double
    var step_time_s: Double
    var lr: Double
    var grad_norm: Double
    var memory_peak_bytes: Int
    var expert_load_cv: Double
    /// Assignments by layer and expert; left out where there are so many that they would swell the
    /// log.
    var expert_load: [[Int]]?
    var kept: Int
    var rerouted: Int
    var buffered: Int
    var dropped: Int
    var communication_s: Double
    var bubble_s: Double
    /// Computation for micro-batches by stage, averaged over its ranks; older logs have none.
    var stage_compute_s: [Double]?
    /// Their standard deviation ÷ their mean.
    var stage_time_variance: Double?
    /// Which membership of ranks the step ran with; it changes when a run survives a fault.
    var generation: Int

    private static let loadCountMax = 4096

    init(_ record: StepRecord) {
        step = record.step
        sequence_length = record.sequenceLength
        loss = record.loss
        tokens = record.tokens
        tokens_per_s = record.tokensPerSecond
        step_time_s = record.stepSeconds
        lr = record.learningRate
        grad_norm = record.gradientNorm
        memory_peak_bytes = record.memoryPeak.count
        expert_load_cv = record.expertLoadCV
        let loadCount = record.expertLoads.map(\.count).reduce(0, +)
        expert_load = (1...Self.loadCountMax).contains(loadCount) ? record.expertLoads : nil
        kept = record.kept
        rerouted = record.rerouted
        buffered = record.buffered
        dropped = record.dropped
        communication_s = record.communicationSeconds
        bubble_s = record.bubbleSeconds
        stage_compute_s = record.stageComputeSeconds
        stage_time_variance = record.stageTimeVariance
        generation = 0
    }

    /// The record as one line of JSON.
    var line: String { jsonLine(self) }

    init?(line: String) {
        guard line.hasPrefix("{"),
            let log = try? JSONDecoder().decode(StepLog.self, from: Data(line.utf8))
        else { return nil }
        self = log
    }
}

/// A value as one line of JSON, with its keys in order.
func jsonLine(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
}
