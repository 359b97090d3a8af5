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
            let fillings = fillsIn ? row.fillings(for: quantity) : []
            guard let first = fillings.first, !first.assumptions.isEmpty else {
                return .scored(try comparison(of: row, quantity))
            }
            let chosen = fillings.count == 1 ? first : try fastest(of: fillings)
            var result = try comparison(of: chosen.row, quantity)
            result.assumptions = chosen.assumptions
            return .assumed(result)
        } catch {
            return .skipped(reason: error.reason)
        }
    }

    private mutating func comparison(
        of row: MeasuredRow, _ quantity: Quantity
    ) throws(Unscored) -> Comparison {
        switch quantity {
        case .time(let scale):
            let step = try row.mappedStep()
            return try row.comparison(scale, step, prediction(of: step))
        case .memory(let scope):
            return try row.comparison(scope, prediction(of: try row.mappedStep()))
        case .activationShare:
            let step = try row.mappedStep()
            var baseline = step
            baseline.plan.sequenceParallel = false
            baseline.bucket.recompute = .none
            return try row.comparison(
                prediction(of: step), baseline: prediction(of: baseline))
        case .layer(let pass):
            let step = try row.mappedStep()
            let pricer = CostModel(cluster: step.cluster).layerPricer(for: step)
            let part = pricer.layer(
                isDense: !step.model.hasExperts, recompute: step.bucket.recompute)
            return try row.comparison(pass, part)
        case .expertLayer(let pass):
            let step = try row.withPlaceholderAttention.mappedStep()
            return try row.comparison(
                pass, CostModel(cluster: step.cluster).layerPricer(for: step).experts())
        }
    }

    /// The filling that the cost model finds fastest among those that fit the memory; where none
    /// fits, the one that needs least.
    ///
    /// Published runs are tuned: what their authors left out they had chosen because it was fast.
    private mutating func fastest(
        of fillings: [MeasuredRow.Filling]
    ) throws(Unscored) -> MeasuredRow.Filling {
        var best: (filling: MeasuredRow.Filling, cost: (excess: Double, time: Double))?
        var failure: Unscored?
        for filling in fillings {
            do throws(Unscored) {
                let step = try filling.row.mappedStep()
                let prediction = prediction(of: step)
                let excess =
                    Double(prediction.memoryPeak.count) - step.cluster.gpu.memoryGB * 1e9
                let cost = (excess: max(0, excess), time: prediction.stepTime.count)
                if best.map({ cost < $0.cost }) ?? true { best = (filling, cost) }
            } catch {
                failure = failure ?? error
            }
        }
        if let best { return best.filling }
        throw failure ?? Unscored("nothing that could be filled in makes a plan")
    }

    private mutating func prediction(of step: Step) -> StepPrediction {
        if let known = predictions[step] { return known }
        let result = CostModel(cluster: step.cluster).predict(step)
        predictions[step] = result
        return result
    }
}
