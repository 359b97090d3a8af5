/// How much of a space a search went through.
package struct SearchCounts: Hashable, Sendable {
    /// Strategies of the whole space.
    package var searched = 0
    /// Strategies that a bound ruled out before they were priced.
    package var pruned: Int { searched - evaluated }
    /// Strategies whose memory was priced, and whose time where that fits.
    package var evaluated = 0
    /// Evaluated strategies that fit the memory.
    package var feasible = 0

    package init() {}
}
