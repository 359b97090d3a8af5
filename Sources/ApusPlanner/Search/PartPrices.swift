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
    private var step: Step
    private var common: [CommonKey: CommonParts] = [:]
    private var routed: [RoutedKey: PartCost] = [:]

    /// `step` gives model, workload and implementation, and the length of the sequences.
    init(step: Step, model: CostModel) {
        self.step = step
        self.model = model
    }

    private struct CommonKey: Hashable {
        var tensor: Int
        var context: Int
        var sequences: Int
        var isSequenceParallel: Bool
        var domain: Int
    }

    private struct RoutedKey: Hashable {
        var tokens: Int
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
    }

    /// The parts of a micro-batch's layers where `domain` ranks of a stage share the fastest link.
    mutating func layers(
        _ slicing: Slicing, sequences: Int, isSequenceParallel: Bool, domain: Int
    ) -> LayerPrices {
        let shape = MicroBatchShape(
            sequences: sequences, length: step.sequenceLength,
            degrees: slicing.degrees(pipeline: 1, data: 1),
            isSequenceParallel: isSequenceParallel)
        let layout = GroupLayout(
            degrees: slicing.degrees(pipeline: 1, data: 1), placement: .outermost, domain: domain)
        let pricer = model.layerPricer(for: step, shape: shape, layout: layout)
        let parts = commonParts(pricer, domain: domain)
        var costs = LayerCosts()
        costs.embedding = parts.embedding
        costs.head = parts.head
        if step.model.denseLayerCount > 0 { costs.dense = parts.attention + parts.dense }
        if step.model.expertLayerCount > 0 {
            costs.expert = parts.attention + parts.sparse + routedParts(pricer, domain: domain)
        }
        let selectiveSparse =
            step.implementation.selectiveModules.isDisjoint(with: [.experts, .expertActivation])
            ? parts.selectiveSparse : pricer.selectiveRecomputation(isDense: false)
        return LayerPrices(
            costs: costs, selectiveDense: parts.selectiveDense, selectiveSparse: selectiveSparse)
    }

    /// What a prompt of one sequence costs.
    func request(
        _ slicing: Slicing, isSequenceParallel: Bool, domain: Int
    ) -> RequestPricer {
        let degrees = slicing.degrees(pipeline: 1, data: 1)
        let shape = MicroBatchShape(
            sequences: 1, length: step.sequenceLength, degrees: degrees,
            isSequenceParallel: isSequenceParallel)
        let layout = GroupLayout(degrees: degrees, placement: .outermost, domain: domain)
        return RequestPricer(model.layerPricer(for: step, shape: shape, layout: layout))
    }

    private mutating func commonParts(_ pricer: LayerPricer, domain: Int) -> CommonParts {
        let key = CommonKey(
            tensor: pricer.shape.tensor, context: pricer.shape.context,
            sequences: pricer.shape.sequences,
            isSequenceParallel: pricer.shape.isSequenceParallel, domain: domain)
        if let parts = common[key] { return parts }
        let hasDense = step.model.denseLayerCount > 0
        let hasExperts = step.model.expertLayerCount > 0
        let parts = CommonParts(
            attention: pricer.attention(),
            dense: hasDense ? pricer.denseFeedForward() : PartCost(),
            sparse: hasExperts
                ? pricer.router() + pricer.combination() + pricer.sharedExperts() : PartCost(),
            embedding: pricer.embedding(), head: pricer.head(),
            selectiveDense: hasDense ? pricer.selectiveRecomputation(isDense: true) : PassCost(),
            selectiveSparse: hasExperts
                ? pricer.selectiveRecomputation(isDense: false) : PassCost())
        common[key] = parts
        return parts
    }

    private mutating func routedParts(_ pricer: LayerPricer, domain: Int) -> PartCost {
        let key = RoutedKey(
            tokens: pricer.expertTokens, expert: pricer.shape.expert,
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
