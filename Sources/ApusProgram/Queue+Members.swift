package import ApusBase
package import ApusPlan

extension ProgramClass {
    /// The queues that the class's transfers use, in an order that all ranks share.
    package var queues: [Queue] {
        var found: Set<Queue> = []
        for case .start(let transfer) in instructions { found.insert(transfer.queue) }
        return found.sorted()
    }
}

extension Mesh {
    /// The ranks that share a queue with `rank`, in the order of the group.
    package func members(of queue: Queue, rank: Rank) -> [Rank] {
        switch queue {
        case .activations(let index), .gradients(let index):
            let local = position(of: rank).local
            return boundary(into: index).map { stage in
                self.rank(at: MeshPosition(stage: stage, local: local))
            }
        case .group(let axis): return group(axis, of: rank)
        }
    }

    /// The stages on both sides of a boundary: the one before it, and the one that it leads into.
    package func boundary(into index: Int) -> [Stage] {
        [Stage(virtualStages.stage(of: index - 1)), Stage(virtualStages.stage(of: index))]
    }

    /// The stages whose classes take part in a queue's transfers together.
    package func stages(of queue: Queue, from stage: Stage) -> [Stage] {
        switch queue {
        case .activations(let index), .gradients(let index): boundary(into: index)
        case .group(.world): (0..<degrees.pipeline).map { Stage($0) }
        case .group(.embedding): embeddingStages
        case .group(.data), .group(.tensor), .group(.expert), .group(.expertData): [stage]
        }
    }
}
