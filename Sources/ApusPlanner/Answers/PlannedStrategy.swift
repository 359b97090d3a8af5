package import ApusBase
package import ApusCost
package import ApusPlan

/// A plan with what the cost model predicts of it, length by length.
package struct PlannedStrategy: Hashable, Sendable {
    package let plan: Plan
    /// One for each length of the workload, in its order.
    package let lengths: [Length]

    package struct Length: Hashable, Sendable {
        /// The share of all steps that have this length; the shares sum to 1.
        package let weight: Double
        package let step: Step
        package let prediction: StepPrediction
        package let timeToFirstToken: Seconds
        package let timePerOutputToken: Seconds
    }

    package init(_ plan: Plan, for problem: SearchProblem) {
        self.plan = plan
        let workload = problem.workload
        let weights = workload.lengthWeightsOrDefault
        let total = weights.reduce(0, +)
        lengths = zip(workload.sequenceLengths, weights).map { length, weight in
            let step = problem.step(plan, length: length)
            return Length(
                weight: weight / total, step: step,
                prediction: problem.costModel.predict(step),
                timeToFirstToken: problem.costModel.timeToFirstToken(of: step),
                timePerOutputToken: problem.costModel.timePerOutputToken(of: step))
        }
    }

    private func mean(_ value: (Length) -> Double) -> Double {
        lengths.map { $0.weight * value($0) }.reduce(0, +)
    }

    /// Of one step, on the mean over lengths.
    package var stepTime: Seconds { Seconds(mean { $0.prediction.stepTime.count }) }
    package var low: Seconds { Seconds(mean { $0.prediction.low.count }) }
    package var high: Seconds { Seconds(mean { $0.prediction.high.count }) }
    package var tokensPerSecond: Double {
        mean { Double($0.prediction.tokens) } / stepTime.count
    }
    package var tokensPerSecondPerGPU: Double {
        tokensPerSecond / Double(plan.degrees.worldSize)
    }
    /// Model FLOPs over peak FLOPs, over all steps.
    package var modelFLOPsUtilization: Double {
        mean { $0.prediction.modelFLOPsUtilization * $0.prediction.stepTime.count }
            / stepTime.count
    }
    /// The share of the steps' time that ranks idle because of the schedule.
    package var bubble: Double {
        mean { $0.prediction.bubble * $0.prediction.stepTime.count } / stepTime.count
    }
    /// The share of the steps' time that is communication beside no computation.
    package var communicationExposed: Double {
        mean { $0.prediction.communicationExposed.count } / stepTime.count
    }
    package var measuredShare: Double {
        mean { $0.prediction.measuredShare * $0.prediction.computation.count }
            / mean { $0.prediction.computation.count }
    }
    /// Of the longest sequences.
    package var timeToFirstToken: Seconds { longest?.timeToFirstToken ?? .zero }
    package var timePerOutputToken: Seconds { longest?.timePerOutputToken ?? .zero }
    package var memoryPeak: Bytes { lengths.map(\.prediction.memoryPeak).max() ?? .zero }

    package var longest: Length? {
        lengths.max { $0.step.sequenceLength < $1.step.sequenceLength }
    }
}
