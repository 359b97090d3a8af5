import ApusBase
import ApusPlan
package import ApusProgram

/// A trace in the form that Perfetto and `chrome://tracing` open.
///
/// Each rank is a process with a thread for its instructions and one for each queue, a counter of
/// its memory, and arrows from each send to its receive. Equal traces give equal bytes.
///
/// Source: "Trace Event Format", Google, the JSON array form.
package struct ChromeTrace {
    private let traces: [Trace]
    private let program: Program

    /// Shows traces of one program side by side, such as a prediction and a measurement.
    package init(_ traces: [Trace], program: Program) {
        self.traces = traces
        self.program = program
    }

    package var text: String {
        var lines: [String] = []
        for (index, trace) in traces.enumerated() {
            for rank in trace.ranks {
                let process = index * program.mesh.worldSize + rank.rank.index
                append(rank, of: trace, process: process, number: index, to: &lines)
            }
        }
        return "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
            + lines.joined(separator: ",\n") + "\n]}\n"
    }

    private func append(
        _ rank: RankTrace, of trace: Trace, process: Int, number: Int, to lines: inout [String]
    ) {
        let instructions = program.programClass(of: rank.rank).instructions
        name(rank, of: trace, process: process, to: &lines)
        for event in rank.events where instructions.indices.contains(Int(event.instruction)) {
            let instruction = instructions[Int(event.instruction)]
            let times = "\"ts\":\(microseconds(event.start)),\"pid\":\(process),\"tid\":0"
            if event.duration > 0 {
                lines.append(
                    "{\"name\":\(quoted(instruction.description)),"
                        + "\"cat\":\(quoted(InstructionKind.name(of: instruction))),\"ph\":\"X\","
                        + "\"dur\":\(microseconds(event.duration)),\(times),"
                        + "\"args\":{\"index\":\(event.instruction),\"step\":\(event.step)}}")
            }
            lines.append(
                "{\"name\":\"memory\",\"ph\":\"C\",\"ts\":\(microseconds(event.end)),"
                    + "\"pid\":\(process),"
                    + "\"args\":{\"held\":\(event.held),\"persistent\":\(rank.persistent.count)}}")
        }
        for transfer in rank.transfers {
            guard let planned = instructions.transfer(of: transfer) else { continue }
            let place = "\"pid\":\(process),\"tid\":\(transfer.queue + 1)"
            lines.append(
                "{\"name\":\(quoted(planned.id.description)),\"cat\":\"transfer\",\"ph\":\"X\","
                    + "\"ts\":\(microseconds(transfer.begin)),"
                    + "\"dur\":\(microseconds(transfer.end - transfer.begin)),\(place),"
                    + "\"args\":{\"planned_bytes\":\(transfer.planned),"
                    + "\"actual_bytes\":\(transfer.actual),\"step\":\(transfer.step)}}")
            if let arrow = arrow(planned, transfer, rank, trace, number) {
                lines.append("{\(arrow),\(place)}")
            }
        }
    }

    private func name(
        _ rank: RankTrace, of trace: Trace, process: Int, to lines: inout [String]
    ) {
        func add(_ kind: String, _ thread: Int, _ text: String) {
            lines.append(
                "{\"name\":\"\(kind)\",\"ph\":\"M\",\"pid\":\(process),\"tid\":\(thread),"
                    + "\"args\":{\"name\":\(quoted(text))}}")
        }
        let count = rank.standsFor > 1 ? " and \(rank.standsFor - 1) like it" : ""
        let source = traces.count > 1 ? "\(trace.source.rawValue): " : ""
        add("process_name", 0, "\(source)rank \(rank.rank)\(count), stage \(rank.stage)")
        add("thread_name", 0, "instructions")
        let used = Set(rank.transfers.map { Int($0.queue) }).sorted()
        for queue in used where trace.queues.indices.contains(queue) {
            add("thread_name", queue + 1, trace.queues[queue])
        }
    }

    /// The beginning of an arrow at a send, its end at the receive; nothing where the other end was
    /// not traced.
    private func arrow(
        _ planned: Transfer, _ transfer: TraceTransfer, _ rank: RankTrace, _ trace: Trace,
        _ number: Int
    ) -> String? {
        guard planned.id.role != .join else { return nil }
        let members = program.mesh.members(of: planned.queue, rank: rank.rank)
        guard members.allSatisfy({ member in trace.ranks.contains { $0.rank == member } })
        else { return nil }
        let ends = members.map(\.description).joined(separator: "-")
        let identity = quoted("\(number).\(transfer.step).\(planned.id.payload).\(ends)")
        let common = "\"name\":\"message\",\"cat\":\"message\",\"id\":\(identity)"
        switch planned.id.role {
        case .send: return "\(common),\"ph\":\"s\",\"ts\":\(microseconds(transfer.begin))"
        case .receive:
            return "\(common),\"ph\":\"f\",\"bp\":\"e\",\"ts\":\(microseconds(transfer.end))"
        case .join: return nil
        }
    }

    /// To the nanosecond, which is as fine as viewers show.
    private func microseconds(_ seconds: Double) -> String { fixed(seconds * 1e6, decimals: 3) }
}
