package import ApusBase
package import ApusTrace

/// What the second interpreter says of one step of a program.
package struct SimulatedStep: Hashable, Sendable {
    /// Ranks that do the same, and how one of them spends the step.
    ///
    /// `computation`, `exposed`, `skew` and `bubble` add up to the step's time.
    package struct RankSet: Hashable, Sendable {
        /// The first of the ranks, which stands for all.
        package var rank: Rank
        package var rankCount: Int
        package var stage: Stage
        package var computation: Seconds
        /// Waiting for bytes on the wire.
        package var exposed: Seconds
        /// Waiting for slower members of groups within the stage.
        package var skew: Seconds
        /// Waiting because of the schedule: for pipeline neighbours, and for the slowest stage at
        /// the end.
        package var bubble: Seconds
        /// When its last instruction is over.
        package var finish: Seconds
        /// Weights, gradients and optimizer states.
        package var persistent: Bytes
        /// The most that slots hold at once, with the workspace of the instruction that runs.
        package var slotPeak: Bytes

        package var memoryPeak: Bytes { persistent + slotPeak }
    }

    /// When the last rank is done.
    package var stepTime: Seconds
    package var rankSets: [RankSet]
    /// Bytes that all ranks send, by kind of payload, in the order of names.
    package var sent: [SentBytes]
    /// Instructions that were simulated: each rank set's, whatever the number of its ranks.
    package var instructionCount: Int
    /// `nil` where none was asked for.
    package var trace: Trace?

    /// Bytes of one kind of payload.
    package struct SentBytes: Hashable, Sendable {
        package var kind: String
        package var size: Bytes
    }
}

extension SimulatedStep {
    /// The shares of a step's time in the mean over ranks.
    package var utilization: Double { mean(\.computation) }
    package var communicationExposed: Double { mean(\.exposed) }
    package var bubble: Double { mean(\.bubble) }
    package var skew: Double { mean(\.skew) }

    /// Of the rank that holds most.
    package var memoryPeak: Bytes { rankSets.map(\.memoryPeak).max() ?? .zero }

    package var rankCount: Int { rankSets.map(\.rankCount).reduce(0, +) }

    private func mean(_ part: (RankSet) -> Seconds) -> Double {
        guard stepTime > .zero else { return 0 }
        let sum = rankSets.reduce(0) { $0 + Double($1.rankCount) * part($1).count }
        return sum / (Double(rankCount) * stepTime.count)
    }
}
