package import ApusBase

/// A numbered place for a value that lives while a program runs.
///
/// Both interpreters keep values in slots, so they count the same memory.
package struct Slot: Hashable, Comparable, Sendable {
    package var index: Int

    package init(_ index: Int) { self.index = index }

    package static func < (left: Slot, right: Slot) -> Bool { left.index < right.index }
}

/// What a slot holds whenever it holds anything, and the bytes planned for it.
package struct SlotPlan: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A tensor that passes from one instruction to another.
        case tensor
        /// What an island keeps for its backward run.
        case state
        /// A router's decision: the chosen experts, the order of rows, the counts by rank.
        case routing
    }

    package var kind: Kind
    package var size: Bytes
}
