import ApusBase
import ApusProgram

/// The form of traces in a file: JSON lines.
///
/// First a header, then for each rank one object followed by its events and transfers, one array
/// each: `[step, instruction, start, end, held]` and
/// `[step, instruction, queue, begin, end, planned, actual]`. So the sections of several ranks are
/// put together by writing one behind the other.
extension Trace {
    package static let formatVersion = 1

    /// The whole file; equal traces give equal bytes.
    package var text: String {
        var lines = [header]
        for rank in ranks { rank.append(to: &lines) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The first line.
    package var header: String {
        "{\"apus_trace\":\(Self.formatVersion),\"source\":\(quoted(source.rawValue)),"
            + "\"deployment\":\(quoted(subject.deployment)),"
            + "\"program\":\(quoted(subject.program)),\"layout\":\(quoted(subject.layout)),"
            + "\"world_size\":\(subject.worldSize),"
            + "\"sequence_length\":\(subject.sequenceLength),"
            + "\"sequences_per_micro_batch\":\(subject.sequencesPerMicroBatch),"
            + "\"micro_batches\":\(subject.microBatches),"
            + "\"tensor_parallel\":\(subject.tensorParallel),"
            + "\"recompute\":\(quoted(subject.recompute)),"
            + "\"precision\":\(quoted(subject.precision)),"
            + "\"queues\":[\(queues.map(quoted).joined(separator: ","))]}"
    }
}

extension RankTrace {
    /// The rank's lines.
    package func append(to lines: inout [String]) {
        lines.append(
            "{\"rank\":\(rank),\"stage\":\(stage),\"stands_for\":\(standsFor),"
                + "\"persistent_bytes\":\(persistent.count)}")
        for event in events {
            lines.append(
                "[\(event.step),\(event.instruction),\(event.start),\(event.end),\(event.held)]")
        }
        for transfer in transfers {
            lines.append(
                "[\(transfer.step),\(transfer.instruction),\(transfer.queue),\(transfer.begin),"
                    + "\(transfer.end),\(transfer.planned),\(transfer.actual)]")
        }
    }
}

/// A JSON string.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
