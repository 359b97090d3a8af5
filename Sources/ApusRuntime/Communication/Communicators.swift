package import ApusBase
package import ApusEngine
package import ApusPlan
package import ApusProgram
import BasicContainers

/// The process groups that a rank has joined.
///
/// A class because the programs of one job share groups: those of two sequence lengths differ in a
/// few of them, and each group costs sockets and memory. One rank's thread owns it.
final class JoinedGroups {
    fileprivate var groups = UniqueArray<ProcessGroup>()
    /// By queue and members.
    fileprivate var places: [String: Int] = [:]
}

/// The process groups of one rank, one for each queue that its program uses.
package struct Communicators {
    let joined: JoinedGroups
    private let places: [Queue: Int]

    /// How ranks find each other, and how long they wait.
    package struct Meeting: Sendable {
        package var store: Store
        /// What this job's keys in the store start with.
        package var prefix: String
        /// The address that this rank's sockets listen on.
        package var host: String
        package var timeoutSeconds: Double

        package init(store: Store, prefix: String = "apus", host: String, timeoutSeconds: Double) {
            self.store = store
            self.prefix = prefix
            self.host = host
            self.timeoutSeconds = timeoutSeconds
        }

        /// The same meeting for groups that are joined anew.
        func under(_ name: String) -> Meeting {
            var meeting = self
            meeting.prefix += "/\(name)"
            return meeting
        }
    }

    /// Joins the groups in an order that all ranks share, so that nobody waits in a circle.
    package init(
        engine: Engine, meeting: Meeting, mesh: Mesh, rank: Rank, program: ProgramClass
    ) throws(EngineError) {
        try self.init(
            engine: engine, meeting: meeting, mesh: mesh, rank: rank, program: program,
            sharing: JoinedGroups())
    }

    /// The same, where groups that were joined for another program are used again.
    init(
        engine: Engine, meeting: Meeting, mesh: Mesh, rank: Rank, program: ProgramClass,
        sharing joined: JoinedGroups
    ) throws(EngineError) {
        var places: [Queue: Int] = [:]
        for queue in program.queues {
            let members = mesh.members(of: queue, rank: rank)
            guard let index = members.firstIndex(of: rank) else {
                preconditionFailure("a rank is a member of its own queues")
            }
            // Two meshes may have a group of one name and first member; the list tells them apart.
            let list = fingerprint(members.map(\.description).joined(separator: " "))
            let name = "\(queue.name)/\(list)"
            if let place = joined.places[name] {
                places[queue] = place
                continue
            }
            let group = try ProcessGroup(
                engine, meeting.store, prefix: "\(meeting.prefix)/\(name)", rank: index,
                size: members.count, timeoutSeconds: meeting.timeoutSeconds, interface: meeting.host
            )
            places[queue] = joined.groups.count
            joined.places[name] = joined.groups.count
            joined.groups.append(group)
        }
        self.joined = joined
        self.places = places
    }

    /// Runs `body` with the group of `queue`.
    func with<Result: ~Copyable>(
        _ queue: Queue, _ body: (borrowing ProcessGroup) throws(EngineError) -> Result
    ) throws(EngineError) -> Result {
        guard let place = places[queue] else { preconditionFailure("no group for `\(queue.name)`") }
        return try body(joined.groups[place])
    }
}
