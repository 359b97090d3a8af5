import ApusBase
import ApusTrace

/// A comparison as `--json` gives it out.
struct ComparisonRecord: Encodable {
    struct Pair: Encodable {
        var predicted: Double
        var measured: Double
    }

    struct Kind: Encodable {
        var kind: String
        /// Instructions of one rank in a step.
        var count: Double
        var predicted_s: Double
        var measured_s: Double
        var why: String
    }

    struct Entry: Encodable {
        var rank: Int
        var index: Int
        var instruction: String
        var predicted_s: Double
        var measured_s: Double
    }

    struct Sent: Encodable {
        var kind: String
        var planned_bytes: Int
        var actual_bytes: Int
    }

    struct Memory: Encodable {
        var rank: Int
        var predicted_bytes: Int
        var measured_bytes: Int
    }

    var run: String
    var deployment: String
    var steps: Int
    var step_time_s: Pair
    var tokens_per_s: Pair
    var memory_peak_bytes: Pair
    /// Waiting for collectives and for pipeline neighbours, in the mean over ranks.
    var communication_s: Pair
    var bubble_s: Pair
    /// `null` for a log, which knows no instructions; the largest difference first.
    var kinds: [Kind]?
    var instructions: [Entry]?
    var bytes_sent: [Sent]?
    var memory: [Memory]?

    init(_ comparison: RunComparison) {
        run = comparison.measured.path
        deployment = comparison.file
        steps = comparison.stepCount
        let pairs = comparison.figures.map { Pair(predicted: $0.predicted, measured: $0.measured) }
        (step_time_s, tokens_per_s, memory_peak_bytes) = (pairs[0], pairs[1], pairs[2])
        (communication_s, bubble_s) = (pairs[3], pairs[4])
        guard let traces = comparison.comparison else { return }
        kinds = traces.rows.map {
            Kind(
                kind: $0.kind, count: $0.count, predicted_s: $0.predicted.count,
                measured_s: $0.measured.count, why: $0.explanation)
        }
        instructions = traces.entries.map {
            Entry(
                rank: $0.rank.index, index: $0.instruction, instruction: $0.text,
                predicted_s: $0.predicted.count, measured_s: $0.measured.count)
        }
        bytes_sent = traces.sent.map {
            Sent(
                kind: $0.kind, planned_bytes: $0.planned.count, actual_bytes: $0.actual.count)
        }
        memory = traces.memory.map {
            Memory(
                rank: $0.rank.index, predicted_bytes: $0.predicted.count,
                measured_bytes: $0.measured.count)
        }
    }
}
