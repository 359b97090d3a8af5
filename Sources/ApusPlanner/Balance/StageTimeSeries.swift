package import ApusBase

/// What the stages of a run computed in each of its last steps.
package struct StageTimeSeries: Hashable, Sendable {
    /// Fewer steps say nothing about what is consistent.
    package static let stepCountMin = 5
    /// A stage that is slower by less than this share of the others is not worth a move.
    static let excessMin = 0.1

    /// Seconds of each stage, the median over steps.
    package let medians: [Double]
    /// Half of a stage's steps lie within this of its median.
    package let deviations: [Double]
    package let stepCount: Int

    /// - Parameter steps: a list of seconds by stage for each step.
    package init(_ steps: [[Double]]) {
        let stages = steps.map(\.count).min() ?? 0
        let columns = (0..<stages).map { stage in steps.map { $0[stage] } }
        let medians = columns.map(median)
        self.medians = medians
        deviations = zip(columns, medians).map { column, middle in
            median(column.map { abs($0 - middle) })
        }
        stepCount = steps.count
    }

    /// A stage that is slower than the others in most steps.
    package struct SlowStage: Hashable, Sendable {
        package var stage: Stage
        package var seconds: Double
        /// The mean of the other stages' medians.
        package var others: Double
        /// What of the difference could be chance.
        package var noise: Double

        /// How many times as long as the others it computes.
        package var ratio: Double { seconds / others }
    }

    /// The slowest stage, where it is consistently slow: its median lies above the mean of the
    /// others by more than the noise and by more than a tenth.
    ///
    /// The noise is the largest median absolute deviation of all stages.
    package var slowStage: SlowStage? {
        guard stepCount >= Self.stepCountMin, medians.count > 1,
            let stage = medians.indices.max(by: { medians[$0] < medians[$1] })
        else { return nil }
        let others =
            medians.indices.filter { $0 != stage }.map { medians[$0] }.reduce(0, +)
            / Double(medians.count - 1)
        let noise = deviations.max() ?? 0
        guard others > 0, medians[stage] - others > max(noise, Self.excessMin * others) else {
            return nil
        }
        return SlowStage(
            stage: Stage(stage), seconds: medians[stage], others: others, noise: noise)
    }
}
