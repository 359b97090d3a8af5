import ApusBase
import ApusCost
import ApusPlan

/// What only a run can tell, as the cost model predicts it, and the bounds that no run passes.
extension StepQuantities {
    private var source: String { "cost model of Apus" }

    func time(_ quantity: Quantity) -> Measure {
        let prediction = model.predict(step)
        switch quantity {
        case .stepTime:
            let time = prediction.stepTime
            return Measure(
                time.count, why: "\(grouped(step.tokens)) tokens in \(time)", source: source
            )
            .predicted(
                within: Measure.Confidence(low: prediction.low.count, high: prediction.high.count))
        case .tokensPerMillisecond: return throughput(prediction)
        case .timeToFirstToken: return timeToFirstToken(prediction)
        case .gpuUtilization: return utilization(prediction)
        case .communicationOverhead:
            guard prediction.computation > .zero else { return .unknown("nothing is computed") }
            let share = prediction.communicationExposed / prediction.computation
            return Measure(
                share,
                why: "\(prediction.communicationExposed) not hidden ÷ \(prediction.computation) "
                    + "computing = \(percent(share))",
                source: source
            ).predicted(within: confidence(share, prediction, isRate: false))
        default: return stageTimeVariation(prediction)
        }
    }

    private func throughput(_ prediction: StepPrediction) -> Measure {
        let rate = prediction.tokensPerSecondPerGPU / 1e3
        return Measure(
            rate,
            why: "\(grouped(prediction.tokens)) tokens ÷ \(prediction.stepTime) ÷ "
                + "\(prediction.worldSize) GPUs = \(significant(rate)) tokens/ms",
            source: source
        )
        .predicted(within: confidence(rate, prediction, isRate: true))
        .bounded(atMost: throughputBound)
    }

    /// The peak rate over the training FLOPs of a token, for the share of the step without bubble.
    private var throughputBound: Measure.Bound? {
        guard let peak = step.cluster.gpu.peakTeraFLOPs[step.workload.precision] else { return nil }
        let length = step.sequenceLength
        var flops = step.model.trainingFLOPsPerToken(
            length: length, recompute: step.bucket.recompute)
        if step.bucket.recompute == .full {
            // Layers run forward again, the head does not.
            flops -= step.model.forwardFLOPsPerToken(length: length).head
        }
        let idle = step.bubble
        let bound = peak * 1e9 / flops * (1 - idle)
        return Measure.Bound(
            value: bound,
            why: "\(significant(peak)) TFLOP/s ÷ \(count(flops)) training FLOPs × "
                + "(1 − bubble \(percent(idle))) = \(significant(bound)) tokens/ms")
    }

    private func timeToFirstToken(_ prediction: StepPrediction) -> Measure {
        let time = model.timeToFirstToken(of: step)
        let length = step.sequenceLength
        var bound: Measure.Bound?
        if let peak = step.cluster.gpu.peakTeraFLOPs[step.workload.precision] {
            // Only the last token of a prompt needs the head.
            let flops = step.model.forwardFLOPsPerToken(length: length)
            let layers = flops.total - flops.head
            let ranks = Double(step.degrees.worldSize)
            let least = (Double(length) * layers + flops.head) / (peak * 1e12 * ranks)
            bound = Measure.Bound(
                value: least,
                why: "(\(length) tokens × \(count(layers)) FLOPs of the layers + "
                    + "\(count(flops.head)) of the head) ÷ (\(significant(peak)) TFLOP/s × "
                    + "\(step.degrees.worldSize) GPUs) = \(Seconds(least))")
        }
        return Measure(
            time.count, why: "one request of \(length) tokens through the plan's ranks: \(time)",
            source: source
        )
        .predicted(within: confidence(time.count, prediction, isRate: false))
        .bounded(atLeast: bound)
    }

    /// The share of the step in which a kernel runs; waiting for the host's launches is idle time.
    private func utilization(_ prediction: StepPrediction) -> Measure {
        guard let idle = plan.measure(.pipelineBubble).number else {
            return .unknown("the schedule's bubble is not known")
        }
        let host = prediction.breakdown.host
        let kernels = prediction.computation - host
        let share = kernels / prediction.stepTime
        let busy = min(1 - idle, share)
        var why = "\(kernels) in kernels ÷ \(prediction.stepTime) = \(percent(share))"
        if host > .zero { why += "; waiting \(host) for the host's launches is idle" }
        if busy < share { why += "; at most \(percent(busy)), what the bubble of one flush leaves" }
        return Measure(
            busy, why: why, source: source
        )
        .predicted()
        .bounded(
            atMost: Measure.Bound(
                value: 1 - idle,
                why: "1 − pipeline bubble \(percent(idle)) = \(percent(1 - idle))"))
    }

    private func confidence(
        _ value: Double, _ prediction: StepPrediction, isRate: Bool
    ) -> Measure.Confidence {
        let low = prediction.low / prediction.stepTime
        let high = prediction.high / prediction.stepTime
        return isRate
            ? Measure.Confidence(low: value / high, high: value / low)
            : Measure.Confidence(low: value * low, high: value * high)
    }

    private func stageTimeVariation(_ prediction: StepPrediction) -> Measure {
        let times = prediction.stages.map { ($0.forward + $0.backward).count }
        let mean = times.reduce(0, +) / Double(max(1, times.count))
        guard mean > 0 else { return .unknown("the stages' times are not known") }
        let squares = times.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
        let variation = (squares / Double(times.count)).squareRoot() / mean
        let list = times.map { Seconds($0).description }.joined(separator: ", ")
        return Measure(
            variation,
            why: "stages compute \(list) on a micro-batch: deviation ÷ mean = "
                + figure(variation),
            source: source
        ).predicted()
    }

    /// The least that a router without any preference leaves: tokens that choose by chance.
    var expertLoadVariation: Measure {
        let experts = step.model.expertCount
        let topK = step.model.topK
        guard step.model.hasExperts else { return .unknown("the model has no experts") }
        let tokens = step.tokens
        let variation = ((Double(experts) / Double(topK) - 1) / Double(tokens)).squareRoot()
        return Measure(
            variation,
            why: "a router in perfect balance: √((\(experts) ÷ \(topK) − 1) ÷ \(grouped(tokens)) "
                + "tokens) = \(figure(variation)) by chance alone; what it learns comes on top",
            source: "binomial deviation of the assignments to one expert"
        ).predicted()
    }
}
