package import ApusBase
package import ApusPlan

extension ProgramClass {
    /// The queues that the class's transfers use.
    package var queues: Set<Queue> {
        Set(
            instructions.compactMap { instruction in
                if case .start(let transfer) = instruction { transfer.queue } else { nil }
            })
    }
}

extension Mesh {
    /// The ranks that share a queue with `rank`, in the order of the group.
    package func members(of queue: Queue, rank: Rank) -> [Rank] {
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
