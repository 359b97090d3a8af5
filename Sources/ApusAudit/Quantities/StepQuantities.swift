import ApusBase
import ApusCost
import ApusPlan

/// What follows from a step on its cluster: memory, bytes, bandwidth and time.
struct StepQuantities {
    let step: Step
    let model: CostModel

    init(_ step: Step) {
        self.step = step
        model = CostModel(cluster: step.cluster)
    }

    func measure(_ quantity: Quantity) -> Measure {
        switch quantity {
        case .parameterMemory, .gradientMemory, .optimizerMemory, .activationMemory, .totalMemory,
            .fits, .recomputationSaving:
            memory(quantity)
        case .allToAllBytes: allToAllBytes
        case .pointToPointBytes: pointToPointBytes
        case .dataParallelBytes: dataParallelBytes
        case .expertGroupBandwidth: expertGroupBandwidth
        case .expertLoadVariation: expertLoadVariation
        default: time(quantity)
        }
    }

    var plan: PlanQuantities {
        PlanQuantities(
            model: step.model, plan: step.plan, bucket: step.bucket, length: step.sequenceLength)
    }
}
