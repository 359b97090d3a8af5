import ApusBase
import ApusCost
import ApusPlan

/// A prediction beside the measurement.
package struct Comparison: Hashable, Sendable {
    /// Both in the row's own unit.
    package var predicted: Double
    package var measured: Double
    /// How far the prediction lies above the measurement, as a share of it. Rates count as the step
    /// time that they stand for, so that a positive error is always too slow or too much.
    package var error: Double
    /// What was filled in because the source does not say; empty where all was published.
    package var assumptions: [String]
}

extension MeasuredRow {
    /// The prediction of a mapped step for the row's quantity.
    func comparison(
        _ quantity: Quantity, _ step: Step, _ prediction: StepPrediction
    ) throws(Unscored) -> Comparison {
        guard let measured = value, measured > 0 else {
            throw Unscored(
                self[.value].isEmpty ? "`value` not published" : "the value is no positive number")
        }
        let predicted: Double
        let error: Double
        switch quantity {
        case .time(let scale):
            let ratio = try stepTime(measured, scale, step) / prediction.stepTime.count
            // A time grows with the step's, a rate shrinks with it.
            predicted = scale.isRate ? measured * ratio : measured / ratio
            error = 1 / ratio - 1
        case .memory(let scope):
            predicted = scope.bytes(of: prediction) / unitBytes
            error = predicted / measured - 1
        }
        guard predicted.isFinite, error.isFinite else {
            throw Unscored("the prediction is no finite number")
        }
        return Comparison(
            predicted: predicted, measured: measured, error: error, assumptions: [])
    }

    /// Bytes of the unit in which the row gives memory.
    private var unitBytes: Double { mentions("gib", in: .unit) ? 0x1p30 : 1e9 }

    /// The seconds of one step that a measured time, rate or cost stands for.
    private func stepTime(
        _ value: Double, _ scale: Quantity.TimeScale, _ step: Step
    ) throws(Unscored) -> Double {
        let (tokens, ranks) = (Double(step.tokens), Double(step.degrees.worldSize))
        switch scale {
        case .seconds: return value
        case .milliseconds: return value / 1000
        case .tokensPerSecondPerGPU: return tokens / (value * ranks)
        case .teraFLOPsPerGPU:
            return try FLOPCount(self).total(step) / (value * 1e12 * ranks)
        case .utilization:
            let precision = step.workload.precision
            let peak = (step.cluster.gpu.peakTeraFLOPs[precision] ?? 1) * 1e12
            return try FLOPCount(self).total(step) / (value / 100 * peak * ranks)
        case .gpuHours(let all): return value * 3600 / ranks * tokens / all
        case .days(let all): return value * 86_400 * tokens / all
        }
    }
}

extension Quantity.TimeScale {
    var isRate: Bool {
        switch self {
        case .seconds, .milliseconds, .gpuHours, .days: false
        case .tokensPerSecondPerGPU, .teraFLOPsPerGPU, .utilization: true
        }
    }
}

extension Quantity.MemoryScope {
    fileprivate func bytes(of prediction: StepPrediction) -> Double {
        let stages = prediction.memory
        switch self {
        case .allocated: return Double(stages.map(\.allocated.count).max() ?? 0)
        case .allocatedOnLastStage: return Double(stages.last?.allocated.count ?? 0)
        case .reserved: return Double(stages.map(\.reserved.count).max() ?? 0)
        case .steadyOnLastStage: return Double(stages.last?.states.count ?? 0)
        case .activations:
            return Double(stages.first.map { $0.activations + $0.logits }?.count ?? 0)
        case .states: return Double(stages.first?.states.count ?? 0)
        }
    }
}

extension StageMemory {
    /// What stays from step to step.
    fileprivate var states: Bytes { weights + gradients + optimizer }
}
