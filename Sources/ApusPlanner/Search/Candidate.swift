package import ApusBase

/// A strategy that fits, with what the search knows of it.
package struct Candidate: Hashable, Sendable {
    package var strategy: Strategy
    package var stepTime: Seconds
    package var memory: Bytes
    package var timeToFirstToken: Seconds

    package init(strategy: Strategy, stepTime: Seconds, memory: Bytes, timeToFirstToken: Seconds) {
        self.strategy = strategy
        self.stepTime = stepTime
        self.memory = memory
        self.timeToFirstToken = timeToFirstToken
    }

    /// Faster first; the plan order settles ties.
    func isFaster(than other: Candidate) -> Bool {
        if stepTime != other.stepTime { return stepTime < other.stepTime }
        if memory != other.memory { return memory < other.memory }
        if timeToFirstToken != other.timeToFirstToken {
            return timeToFirstToken < other.timeToFirstToken
        }
        return strategy < other.strategy
    }
}
