import ApusBase
import ApusCost
import ApusPlan

/// What would be right where a claim is wrong.
extension Audit {
    /// The quantities for which the changes depend on what is claimed.
    static let repairsDependOnValue: Set<Quantity> = [
        .expertsPerGPU, .expertDegree, .dataDegree, .tensorDegree, .sequencesPerFlush,
    ]

    /// The ways to make claim and deployment agree: what to say, then what to change, priced.
    func repairs(of claim: Claim, _ quantity: Quantity, at length: Int, computed: Claim.Value)
        -> [Repair]
    {
        let unit = quantity.unit.map { " \($0)" } ?? ""
        var repairs = [
            Repair(change: "say \(text(of: computed))\(unit)", value: computed)
        ]
        for option in changes(claim, quantity, at: length) {
            var repair = option.alternative.repair(option.change)
            repair.value =
                Quantities(of: option.alternative.deployment).measure(quantity, at: length).value
            repairs.append(repair)
        }
        return repairs
    }

    private func changes(_ claim: Claim, _ quantity: Quantity, at length: Int) -> [Change] {
        switch quantity {
        case .parameters, .attentionParameters, .expertParameters, .activeParameters:
            DimensionRepair.options(for: self, at: length)
        case .expertsPerGPU, .expertDegree:
            expertDegree(of: claim, quantity).map {
                ExpertDegreeRepair.options(for: deployment, degree: $0)
            } ?? []
        case .dataDegree, .tensorDegree, .sequencesPerFlush:
            ReplicaRepair.options(for: self, claim, quantity, at: length)
        case .pipelineBubble, .gpuUtilization: BubbleRepair.options(for: deployment, at: length)
        case .activationMemory, .totalMemory, .fits:
            MemoryRelief.comparison(for: deployment, at: length)
        case .assignmentsKept: CapacityRepair.options(for: deployment, at: length)
        case .expertGroupBandwidth: PlacementRepair.options(for: deployment, at: length)
        case .flopsPerToken, .attentionFLOPs, .expertFLOPs, .headFLOPs, .routerParameters,
            .embeddingParameters, .normParameters, .gpus, .pipelineDegree, .contextDegree,
            .expertModules, .launchCommand, .parameterMemory, .gradientMemory, .optimizerMemory,
            .recomputationSaving, .allToAllBytes, .pointToPointBytes, .dataParallelBytes,
            .communicationOverhead,
            .stepTime, .tokensPerMillisecond, .tokensCeiling, .timeToFirstToken,
            .expertLoadVariation, .stageTimeVariation:
            []
        }
    }

    private func expertDegree(of claim: Claim, _ quantity: Quantity) -> Int? {
        guard case .number(let number) = claim.value, let count = Int(exactly: number), count > 0
        else { return nil }
        if quantity == .expertDegree { return count }
        let experts = deployment.model.expertCount
        return experts.isMultiple(of: count) ? experts / count : nil
    }

    private func text(of value: Claim.Value) -> String {
        switch value {
        case .number(let number): number.rounded() == number ? plain(number) : figure(number)
        case .range(let low, let high): "\(figure(low)) to \(figure(high))"
        case .truth(let truth): "\(truth)"
        case .text(let text): text
        }
    }
}

/// A changed deployment, and the change in words.
struct Change {
    var change: String
    var alternative: Alternative
}

/// Collects changes that leave a sound deployment.
struct ChangeList {
    let deployment: Deployment
    let length: Int
    private(set) var changes: [Change] = []

    init(to deployment: Deployment, at length: Int) {
        self.deployment = deployment
        self.length = length
    }

    mutating func add(_ change: String, _ modify: (inout Deployment) -> Void = { _ in }) {
        guard let alternative = Alternative(to: deployment, at: length, modify) else { return }
        changes.append(Change(change: change, alternative: alternative))
    }

    /// A change of the bucket that holds the length.
    mutating func addBucket(_ change: String, _ modify: (inout Plan.Bucket) -> Void) {
        let length = length
        add(change) { $0.changeBucket(forLength: length, modify) }
    }
}
