package import ApusBase
package import ApusPlan

/// A strategy that fits, with what the search knows of it.
package struct Candidate: Hashable, Sendable {
    package var strategy: Strategy
    /// What changes with sequence length, ascending; empty where one length was searched.
    package var choices: [BucketChoice] = []
    /// Of one step; over several lengths, the mean by their weights.
    package var stepTime: Seconds
    package var memory: Bytes
    package var timeToFirstToken: Seconds

    package init(
        strategy: Strategy, choices: [BucketChoice] = [], stepTime: Seconds, memory: Bytes,
        timeToFirstToken: Seconds
    ) {
        self.strategy = strategy
        self.choices = choices
        self.stepTime = stepTime
        self.memory = memory
        self.timeToFirstToken = timeToFirstToken
    }

    /// The plan, for a batch that its data ranks share evenly.
    package func plan(sequences: Int) -> Plan {
        var plan = strategy.plan(sequences: sequences)
        guard !choices.isEmpty else { return plan }
        plan.buckets = choices.map { choice in
            let data = strategy.degrees.carving(tensor: choice.tensor).data
            let share = max(1, sequences / data)
            return Plan.Bucket(
                lengthMax: choice.length, microBatches: max(1, share / choice.microBatchSize),
                sequencesPerDataRank: share, tensorParallel: choice.tensor,
                recompute: choice.recompute)
        }
        return plan
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

/// How sequences of up to one length run, where a plan has several.
package struct BucketChoice: Hashable, Sendable {
    /// Tokens.
    package var length: Int
    /// The tensor degree, of which what exceeds the strategy's is carved out of its data axis.
    package var tensor: Int
    package var microBatchSize: Int
    package var recompute: Plan.Recompute
}
