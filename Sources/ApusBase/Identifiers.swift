/// The index of a process in the job, from 0.
package struct Rank: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var index: Int

    package init(_ index: Int) { self.index = index }
    package var description: String { "\(index)" }
    package static func < (left: Rank, right: Rank) -> Bool { left.index < right.index }
}

/// The index of a pipeline position, from 0 at the embedding.
package struct Stage: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var index: Int

    package init(_ index: Int) { self.index = index }
    package var description: String { "\(index)" }
    package static func < (left: Stage, right: Stage) -> Bool { left.index < right.index }
}

/// The index of a micro-batch within one step, from 0.
package struct MicroBatch: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var index: Int

    package init(_ index: Int) { self.index = index }
    package var description: String { "\(index)" }
    package static func < (left: MicroBatch, right: MicroBatch) -> Bool { left.index < right.index }
}
