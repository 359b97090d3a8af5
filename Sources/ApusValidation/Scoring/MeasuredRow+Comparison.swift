import ApusBase
import ApusCost
import ApusPlan

extension MeasuredRow {
    /// The measured number, where one can be compared with.
    func measured() throws(Unscored) -> Double {
        guard let value, value > 0 else {
            throw Unscored(
                lacks(.value) ? "`value` not published" : "the value is no positive number")
        }
        return value
    }

    /// A predicted step beside the row's time, rate or cost.
    func comparison(
        _ scale: Quantity.TimeScale, _ step: Step, _ prediction: StepPrediction
    ) throws(Unscored) -> Comparison {
        let value = try measured()
        let ratio = try stepTime(value, scale, step) / prediction.stepTime.count
        var result = try Comparison(ratio: ratio, measured: value, isRate: scale.isRate)
        result.breakdown = prediction.breakdown
        return result
    }

    /// A predicted memory beside the row's.
    func comparison(
        _ scope: Quantity.MemoryScope, _ prediction: StepPrediction
    ) throws(Unscored) -> Comparison {
        let unit = try unitBytes()
        return try Comparison(
            predicted: scope.bytes(of: prediction) / unit, measured: try measured())
    }

    /// The price of a layer, or of a part of it, beside the row's milliseconds.
    func comparison(_ pass: Quantity.Pass, _ part: PartCost) throws(Unscored) -> Comparison {
        let time =
            switch pass {
            case .forward: part.forward.exposed
            case .backward: part.backward.exposed
            case .both: part.forward.exposed + part.backward.exposed
            }
        return try Comparison(predicted: 1000 * time.count, measured: try measured())
    }

    /// The activations as a percentage of what tensor parallelism alone leaves beside the row's.
    func comparison(
        _ prediction: StepPrediction, baseline: StepPrediction
    ) throws(Unscored) -> Comparison {
        let scope = Quantity.MemoryScope.activations
        return try Comparison(
            predicted: 100 * scope.bytes(of: prediction) / scope.bytes(of: baseline),
            measured: try measured())
    }

    /// Bytes of the unit in which the row gives memory.
    private func unitBytes() throws(Unscored) -> Double {
        let units: [(mark: String, bytes: Double)] = [
            ("gib", 0x1p30), ("gb", 1e9), ("mib", 0x1p20), ("mb", 1e6),
        ]
        guard let unit = units.first(where: { mentions($0.mark, in: .unit) }) else {
            throw Unscored("the unit of memory is not known")
        }
        return unit.bytes
    }

    /// The rate that a utilization is a share of, from a unit such as `% of 312 TFLOP/s`.
    private var peakTeraFLOPs: Double? {
        self[.unit].firstMatch(of: /of ([0-9.]+) TFLOP/).flatMap { number(String($0.1)) }
    }

    /// The seconds of one step that a measured time, rate or cost stands for.
    private func stepTime(
        _ value: Double, _ scale: Quantity.TimeScale, _ step: Step
    ) throws(Unscored) -> Double {
        let (tokens, ranks) = (Double(step.tokens), Double(step.degrees.worldSize))
        switch scale {
        case .seconds: return value
        case .milliseconds: return value / 1000
        case .tokensPerSecondPerGPU: return tokens / (value * ranks)
        case .tokensPerSecond: return tokens / value
        case .teraFLOPsPerGPU:
            return FLOPCount(self).total(step) / (value * 1e12 * ranks)
        case .utilization:
            let precision = step.workload.precision
            let peak = peakTeraFLOPs ?? step.cluster.gpu.peakTeraFLOPs[precision] ?? 1
            return FLOPCount(self).total(step) / (value / 100 * peak * 1e12 * ranks)
        case .gpuHours(let all): return value * 3600 / ranks * tokens / all
        case .days(let all): return value * 86_400 * tokens / all
        }
    }
}

extension Quantity.TimeScale {
    fileprivate var isRate: Bool {
        switch self {
        case .seconds, .milliseconds, .gpuHours, .days: false
        case .tokensPerSecondPerGPU, .tokensPerSecond, .teraFLOPsPerGPU, .utilization: true
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
        case .steadyOnLastStage: return Double(stages.last?.steady.count ?? 0)
        case .activations:
            return Double(stages.first?.kept.count ?? 0)
        case .states: return Double(stages.first?.states.count ?? 0)
        }
    }
}

extension StageMemory {
    /// What stays from step to step.
    fileprivate var states: Bytes { weights + gradients + optimizer }
}

extension PassCost {
    /// Computation, and the communication that it does not hide.
    fileprivate var exposed: Seconds { work.time + tensorExposed + contextExposed + expert }
}
