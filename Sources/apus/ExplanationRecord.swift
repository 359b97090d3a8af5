import ApusAudit
import ApusBase
import ApusCost

/// `apus explain --json`.
struct ExplanationRecord: Encodable {
    struct FLOPs: Encodable {
        var sequence_length: Int
        var flops_per_token: [String: Double]
    }

    struct StageRecord: Encodable {
        var stage: Int
        var forward_s: Double
        var backward_s: Double
        var memory: [String: Int]
        var communication: [String: Int]
    }

    struct LengthRecord: Encodable {
        var sequence_length: Int
        var step_time_s: Double
        var low_s: Double
        var high_s: Double
        var tokens_per_s: Double
        var mfu: Double
        var bubble: Double
        var ttft_s: Double
        var time_per_output_token_s: Double
        var measured_share: Double
        var step_time_parts_s: [String: Double]
        var program_step_time_s: Double?
        var stages: [StageRecord]
    }

    var parameters: [String: Double]
    var flops_per_token: [FLOPs]
    var why: [String: String]
    var steps: [LengthRecord]

    init(_ explanation: Explanation) {
        parameters = Self.values(explanation.parameters)
        flops_per_token = explanation.flops.map {
            FLOPs(sequence_length: $0.length, flops_per_token: Self.values($0.entries))
        }
        why = Dictionary(
            uniqueKeysWithValues: explanation.parameters.map { ($0.name, $0.measure.why) })
        steps = explanation.lengths.map(LengthRecord.init)
    }

    private static func values(_ entries: [Explanation.Entry]) -> [String: Double] {
        var result: [String: Double] = [:]
        for entry in entries { result[entry.name] = entry.measure.number }
        return result
    }
}

extension ExplanationRecord.LengthRecord {
    init(_ entry: Explanation.LengthEntry) {
        let prediction = entry.prediction
        sequence_length = entry.step.sequenceLength
        step_time_s = prediction.stepTime.count
        low_s = prediction.low.count
        high_s = prediction.high.count
        tokens_per_s = prediction.tokensPerSecond
        mfu = prediction.modelFLOPsUtilization
        bubble = prediction.bubble
        ttft_s = entry.timeToFirstToken.count
        time_per_output_token_s = entry.timePerOutputToken.count
        measured_share = prediction.measuredShare
        step_time_parts_s = Dictionary(
            uniqueKeysWithValues: prediction.breakdown.parts.map { ($0.name, $0.time.count) })
        program_step_time_s = entry.program?.simulated.count
        stages = prediction.memory.indices.map { stage in
            let time = prediction.stages[stage]
            return ExplanationRecord.StageRecord(
                stage: stage, forward_s: time.forward.count, backward_s: time.backward.count,
                memory: Dictionary(
                    uniqueKeysWithValues: prediction.memory[stage].parts.map {
                        ($0.name, $0.size.count)
                    }),
                communication: Dictionary(
                    uniqueKeysWithValues: entry.traffic[stage].parts.map {
                        ($0.name, $0.size.count)
                    }))
        }
    }
}
