package import ApusBase
import ApusPlan
package import ApusProgram

/// When all traced sides of a transfer had handed it to their queues, and when it had arrived.
package struct ReadyTimes: Sendable {
    private struct Place: Hashable, Sendable {
        var step: Int32
        var payload: Payload
        var members: [Int]
    }

    private struct Own: Hashable, Sendable {
        var rank: Int
        var step: Int32
        var start: Int
    }

    private var moments: [Place: Double] = [:]
    /// When the first side saw a message to be complete.
    private var arrivals: [Place: Double] = [:]
    private var places: [Own: Place] = [:]

    package init(_ trace: Trace, _ program: Program) {
        for rank in trace.ranks {
            let instructions = program.programClass(of: rank.rank).instructions
            var members: [Queue: [Int]] = [:]
            for entry in rank.transfers {
                guard let transfer = instructions.transfer(of: entry) else { continue }
                let ranks =
                    members[transfer.queue]
                    ?? program.mesh.members(of: transfer.queue, rank: rank.rank).map(\.index)
                members[transfer.queue] = ranks
                let place = Place(
                    step: entry.step, payload: transfer.id.payload, members: ranks)
                moments[place] = max(moments[place] ?? 0, entry.begin)
                if transfer.id.role != .join {
                    arrivals[place] = min(arrivals[place] ?? entry.end, entry.end)
                }
                let own = Own(
                    rank: rank.rank.index, step: entry.step, start: Int(entry.instruction))
                places[own] = place
            }
        }
    }

    /// The moment for the transfer that an instruction of a rank started.
    package func moment(_ rank: Rank, step: Int32, start: Int) -> Double? {
        places[Own(rank: rank.index, step: step, start: start)].flatMap { moments[$0] }
    }

    /// When the message that an instruction started had arrived, `nil` for a collective.
    ///
    /// A rank may look long afterwards whether a message that it sent is complete.
    package func arrival(_ rank: Rank, step: Int32, start: Int) -> Double? {
        places[Own(rank: rank.index, step: step, start: start)].flatMap { arrivals[$0] }
    }
}
