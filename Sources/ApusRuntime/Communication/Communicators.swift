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
        /// The address that this rank's sockets listen on.
        package var host: String
        package var timeoutSeconds: Double

        package init(store: Store, host: String, timeoutSeconds: Double) {
            self.store = store
            self.host = host
            self.timeoutSeconds = timeoutSeconds
        }
    }

    /// Joins the groups in an order that all ranks share, so that nobody waits in a circle.
    package init(
        engine: Engine, meeting: Meeting, mesh: Mesh, rank: Rank, program: ProgramClass
    ) throws(EngineError) {
        var groups = UniqueArray<ProcessGroup>()
        var places: [Queue: Int] = [:]
        let used = program.queues
        for queue in Queue.all where used.contains(queue) {
            let members = mesh.members(of: queue, rank: rank)
            guard let index = members.firstIndex(of: rank), let first = members.first else {
                preconditionFailure("a rank is a member of its own queues")
            }
            let group = try ProcessGroup(
                engine, meeting.store, prefix: "\(queue.groupName)/\(first)", rank: index,
                size: members.count, timeoutSeconds: meeting.timeoutSeconds, interface: meeting.host)
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

extension ProgramClass {
    /// The queues that the class's transfers use.
    package var queues: Set<Queue> {
        Set(
            instructions.compactMap { instruction in
                if case .start(let transfer) = instruction { transfer.queue } else { nil }
            })
    }
}

extension Queue {
    /// A name that both ends of a stage boundary give to their shared group.
    fileprivate var groupName: String {
        switch self {
        case .activationsIn, .activationsOut: "activations"
        case .gradientsIn, .gradientsOut: "gradients"
        case .group(let axis): axis.rawValue
        }
    }
}

extension Mesh {
    /// The ranks that share a queue with `rank`, in the order of the group.
    fileprivate func members(of queue: Queue, rank: Rank) -> [Rank] {
        let own = position(of: rank)
        func neighbour(_ offset: Int) -> Rank {
            let stage = Stage(own.stage.index + offset)
            return self.rank(at: MeshPosition(stage: stage, local: own.local))
        }
        switch queue {
        case .activationsIn, .gradientsOut: return [neighbour(-1), rank]
        case .activationsOut, .gradientsIn: return [rank, neighbour(1)]
        case .group(let axis): return group(axis, of: rank)
        }
    }
}
