package import ApusBase
package import ApusEngine
package import ApusPlan
package import ApusProgram
import BasicContainers

/// The process groups of one rank, one for each queue that its program uses.
package struct Communicators: ~Copyable {
    private var groups: UniqueArray<ProcessGroup>
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
        var groups = UniqueArray<ProcessGroup>()
        var places: [Queue: Int] = [:]
        for queue in program.queues {
            let members = mesh.members(of: queue, rank: rank)
            guard let index = members.firstIndex(of: rank) else {
                preconditionFailure("a rank is a member of its own queues")
            }
            // Two meshes may have a group of one name and first member; the list tells them apart.
            let list = fingerprint(members.map(\.description).joined(separator: " "))
            let group = try ProcessGroup(
                engine, meeting.store, prefix: "\(meeting.prefix)/\(queue.name)/\(list)",
                rank: index,
                size: members.count, timeoutSeconds: meeting.timeoutSeconds, interface: meeting.host
            )
            places[queue] = groups.count
            groups.append(group)
        }
        self.groups = groups
        self.places = places
    }

    /// Runs `body` with the group of `queue`.
    func with<Result: ~Copyable>(
        _ queue: Queue, _ body: (borrowing ProcessGroup) throws(EngineError) -> Result
    ) throws(EngineError) -> Result {
        guard let place = places[queue] else { preconditionFailure("no group for `\(queue.name)`") }
        return try body(groups[place])
    }
}
