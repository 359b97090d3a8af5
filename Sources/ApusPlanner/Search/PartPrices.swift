import ApusBase
import ApusCost
import ApusPlan

/// Prices the parts of layers once for all strategies that share their sizes.
///
/// What attention, norms and dense parts cost does not depend on how experts are cut, and what
/// experts cost depends on tensor and context degrees only through the tokens of a rank; so the two
/// are priced apart and added up.
struct PartPrices {
    private let model: CostModel
    private let step: Step
    private let hasDense: Bool
    private let hasExperts: Bool
    private var common: [CommonKey: CommonParts] = [:]
    private var routed: [RoutedKey: PartCost] = [:]

    /// `step` gives model, workload and implementation, and the length of the sequences.
    init(step: Step, model: CostModel) {
        self.step = step
        self.model = model
        hasDense = step.model.denseLayerCount > 0
        hasExperts = step.model.expertLayerCount > 0
    }

    private struct CommonKey: Hashable {
        var tensor: Int
        var context: Int
        /// 0 for a request, which has one sequence and all ranks for itself.
        var sequences: Int
        var isSequenceParallel: Bool
        var domain: Int
    }

    private struct RoutedKey: Hashable {
        var tokens: Int
        var rows: Int
        var expert: Int
        var expertTensor: Int
        var domain: Int
    }

    /// What does not depend on how experts are cut.
    private struct CommonParts {
        var attention: PartCost
        var dense: PartCost
        /// Router, combination and shared experts.
        var sparse: PartCost
        var embedding: PartCost
        var head: PartCost
        /// What selective recomputation runs again of a dense layer and of one with experts.
        var selectiveDense: PassCost
        var selectiveSparse: PassCost
        var requestEnds: Seconds
    }

    /// The parts of a micro-batch's layers where `domain` ranks of a stage share the fastest link.
    mutating func layers(
        _ slicing: Slicing, sequences: Int, isSequenceParallel: Bool, domain: Int
    ) -> LayerPrices {
        let pricer = pricer(slicing, sequences, isSequenceParallel, domain)
        let parts = commonParts(pricer, domain: domain)
        var costs = LayerCosts()
        costs.embedding = parts.embedding
        costs.head = parts.head
        if hasDense { costs.dense = parts.attention + parts.dense }
        if hasExperts {
            costs.expert = parts.attention + parts.sparse + routedParts(pricer, domain: domain)
        }
        let selectiveSparse =
            step.implementation.selectiveModules.isDisjoint(with: [.experts, .expertActivation])
            ? parts.selectiveSparse : pricer.selectiveRecomputation(isDense: false)
        return LayerPrices(
            costs: costs, selectiveDense: parts.selectiveDense, selectiveSparse: selectiveSparse)
    }

    /// What a prompt of one sequence costs.
    mutating func request(
        _ slicing: Slicing, isSequenceParallel: Bool, domain: Int
    ) -> RequestPricer {
        let pricer = pricer(slicing, 1, isSequenceParallel, domain).alone
        let parts = commonParts(pricer, domain: domain)
        var request = RequestPricer(dense: .zero, expert: .zero, ends: parts.requestEnds)
        if hasDense {
            request.dense = pricer.requestTime(parts.attention.forward + parts.dense.forward)
        }
        if hasExperts {
            let routed = routedParts(pricer, domain: domain)
            request.expert = pricer.requestTime(
                parts.attention.forward + parts.sparse.forward + routed.forward)
        }
        return request
    }

    private func pricer(
        _ slicing: Slicing, _ sequences: Int, _ isSequenceParallel: Bool, _ domain: Int
    ) -> LayerPricer {
        let degrees = slicing.degrees(pipeline: 1, data: 1)
        return model.layerPricer(
            for: step,
            shape: MicroBatchShape(
                sequences: sequences, length: step.sequenceLength, degrees: degrees,
                isSequenceParallel: isSequenceParallel),
            layout: GroupLayout(degrees: degrees, placement: .outermost, domain: domain))
    }

    private mutating func commonParts(_ pricer: LayerPricer, domain: Int) -> CommonParts {
        let shape = pricer.shape
        let key = CommonKey(
            tensor: shape.tensor, context: shape.context,
            sequences: shape.isAlone ? 0 : shape.sequences,
            isSequenceParallel: shape.isSequenceParallel, domain: domain)
        if let parts = common[key] { return parts }
        let parts = CommonParts(
            attention: pricer.attention(),
            dense: hasDense ? pricer.denseFeedForward() : PartCost(),
            sparse: hasExperts
                ? pricer.router() + pricer.combination() + pricer.sharedExperts() : PartCost(),
            embedding: pricer.embedding(), head: pricer.head(),
            selectiveDense: hasDense ? pricer.selectiveRecomputation(isDense: true) : PassCost(),
            selectiveSparse: hasExperts
                ? pricer.selectiveRecomputation(isDense: false) : PassCost(),
            requestEnds: shape.isAlone ? pricer.requestEnds : .zero)
        common[key] = parts
        return parts
    }

    private mutating func routedParts(_ pricer: LayerPricer, domain: Int) -> PartCost {
        let key = RoutedKey(
            tokens: pricer.expertTokens, rows: pricer.expertRows, expert: pricer.shape.expert,
            expertTensor: pricer.shape.expertTensor, domain: domain)
        if let cost = routed[key] { return cost }
        let cost = pricer.routedExperts()
        routed[key] = cost
        return cost
    }
}

/// The layers of a micro-batch, priced without recomputation, and what recomputation adds.
struct LayerPrices {
    let costs: LayerCosts
    let selectiveDense: PassCost
    let selectiveSparse: PassCost

    func recomputing(_ recompute: Plan.Recompute) -> LayerCosts {
        var result = costs
        result.dense = costs.dense.recomputed(recompute, selectively: selectiveDense)
        result.expert = costs.expert.recomputed(recompute, selectively: selectiveSparse)
        return result
    }
}
