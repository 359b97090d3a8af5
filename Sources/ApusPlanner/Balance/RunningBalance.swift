package import ApusBase
package import ApusPlan

/// Watches the stages of a run and moves layers at fixed steps.
///
/// It is a pure function of what all ranks see alike, so that all decide the same.
package struct RunningBalance: Sendable {
    private let rebalancer: Rebalancer
    /// Steps between two points at which layers may move.
    private let interval: Int
    package private(set) var plan: Plan
    /// The stages' times of each step since layers last moved.
    private var steps: [[Double]] = []

    package init(_ rebalancer: Rebalancer, plan: Plan, every interval: Int) {
        precondition(interval >= StageTimeSeries.stepCountMin, "a few steps say nothing")
        self.rebalancer = rebalancer
        self.plan = plan
        self.interval = interval
    }

    /// Takes note of a step, counted from 1.
    ///
    /// - Returns: the split to go on with, where the step ends an interval in which a stage was
    ///   consistently slow.
    package mutating func next(
        after step: Int, stageSeconds: [Double]
    ) throws(Problems) -> Rebalancer.Proposal? {
        steps.append(stageSeconds)
        if steps.count > interval { steps.removeFirst() }
        guard step.isMultiple(of: interval), steps.count == interval,
            case .proposal(let proposal) = try rebalancer.outcome(of: plan, StageTimeSeries(steps))
        else { return nil }
        plan = proposal.plan
        steps = []
        return proposal
    }
}
