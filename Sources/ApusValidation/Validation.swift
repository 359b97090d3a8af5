import ApusBase
import ApusCost
import ApusPlan

/// What became of one row.
package struct ValidatedRow: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// Everything that the prediction needs was published.
        case scored(Comparison)
        /// Something that a run tunes was not published and was filled in.
        case assumed(Comparison)
        case skipped(reason: String)
    }

    package var measurement: MeasuredRow
    package var outcome: Outcome
}

/// Holds predictions against published measurements.
package struct Validation {
    /// The rows so far, in the order of their files.
    package private(set) var rows: [ValidatedRow] = []
    private var predictions: [Step: StepPrediction] = [:]

    /// Whether what a source did not publish, and a run tunes, is filled in.
    private let fillsIn: Bool

    package init(fillsIn: Bool) { self.fillsIn = fillsIn }

    /// Predicts a row, where it is specified well enough.
    package mutating func add(_ row: MeasuredRow) {
        rows.append(ValidatedRow(measurement: row, outcome: outcome(of: row)))
    }

    private mutating func outcome(of row: MeasuredRow) -> ValidatedRow.Outcome {
        do throws(Unscored) {
            let quantity = try Quantity(row)
            let fillings = row.fillings
            guard fillsIn, fillings.count > 1 else {
                return .scored(try comparison(of: row, quantity))
            }
            return .assumed(try fastest(of: fillings, quantity, for: row))
        } catch {
            return .skipped(reason: error.reason)
        }
    }

    private mutating func comparison(
        of row: MeasuredRow, _ quantity: Quantity
    ) throws(Unscored) -> Comparison {
        let step = try row.mappedStep()
        return try row.comparison(quantity, step, prediction(of: step))
    }

    /// The filling that the cost model finds fastest among those that fit the memory.
    ///
    /// Published runs are tuned: what their authors left out they had chosen because it was fast.
    private mutating func fastest(
        of fillings: [MeasuredRow.Filling], _ quantity: Quantity, for row: MeasuredRow
    ) throws(Unscored) -> Comparison {
        var best: (filling: MeasuredRow.Filling, step: Step, prediction: StepPrediction)?
        var failure: Unscored?
        for filling in fillings {
            do throws(Unscored) {
                let step = try filling.row.mappedStep()
                let prediction = prediction(of: step)
                let fits =
                    Double(prediction.memoryPeak.count) <= step.cluster.gpu.memoryGB * 1e9
                guard fits else { continue }
                if let best, best.prediction.stepTime <= prediction.stepTime { continue }
                best = (filling, step, prediction)
            } catch {
                failure = failure ?? error
            }
        }
        guard let best else {
            throw failure ?? Unscored("no filling of what is not published fits the memory")
        }
        var result = try row.comparison(quantity, best.step, best.prediction)
        result.assumptions = best.filling.assumptions
        return result
    }

    private mutating func prediction(of step: Step) -> StepPrediction {
        if let known = predictions[step] { return known }
        let result = CostModel(cluster: step.cluster).predict(step)
        predictions[step] = result
        return result
    }
}
