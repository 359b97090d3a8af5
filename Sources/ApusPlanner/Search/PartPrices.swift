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
    /// Whether selective recomputation depends on how experts are cut.
    private let recomputesExperts: Bool
    private var common: [CommonKey: CommonParts] = [:]
    private var routed: [RoutedKey: PartLoad] = [:]
    private var commonRequests: [CommonKey: CommonRequest] = [:]
    private var routedRequests: [RoutedKey: PassCost] = [:]

    /// `step` gives model, workload and implementation, and the length of the sequences.
    init(step: Step, model: CostModel) {
        self.step = step
        self.model = model
        recomputesExperts = !step.implementation.selectiveModules.isDisjoint(
            with: [.experts, .expertActivation])
        hasDense = step.model.denseLayerCount > 0
        hasExperts = step.model.expertLayerCount > 0
    }

    private struct CommonKey: Hashable {
        var tensor: Int
        var context: Int
        var sequences: Int
        var isSequenceParallel: Bool
        var domain: Int

        init(_ shape: MicroBatchShape, domain: Int) {
            tensor = shape.tensor
            context = shape.context
            sequences = shape.sequences
            isSequenceParallel = shape.isSequenceParallel
            self.domain = domain
        }
    }

    private struct RoutedKey: Hashable {
        var tokens: Int
        var rows: Int
        var expert: Int
        var expertTensor: Int
        var domain: Int

        init(_ shape: MicroBatchShape, topK: Int, domain: Int) {
            tokens = shape.expertTokens
            rows = shape.expertRows(topK: topK)
            expert = shape.expert
            expertTensor = shape.expertTensor
            self.domain = domain
        }
    }

    /// What does not depend on how experts are cut.
    private struct CommonParts {
        /// A dense layer, and one with experts without the routed ones.
        var dense = PartLoad()
        var sparse = PartLoad()
        var embedding = PartLoad()
        var head = PartLoad()
        /// What selective recomputation runs again of a dense layer and of one with experts.
        var selectiveDense = PassLoad.zero
        var selectiveSparse = PassLoad.zero
    }

    /// The same for a request.
    private struct CommonRequest {
        var dense = PassCost()
        var sparse = PassCost()
        var ends = Seconds.zero
    }

    /// The parts of a micro-batch's layers where `domain` ranks of a stage share the fastest link.
    mutating func layers(
        _ slicing: Slicing, sequences: Int, isSequenceParallel: Bool, domain: Int
    ) -> LayerPrices {
        let shape = shape(slicing, sequences, isSequenceParallel)
        let parts = commonParts(shape, domain: domain)
        var result = LayerPrices(
            loads: LayerLoads(), selectiveDense: parts.selectiveDense,
            selectiveSparse: parts.selectiveSparse)
        result.loads.embedding = parts.embedding
        result.loads.head = parts.head
        result.loads.dense = parts.dense
        guard hasExperts else { return result }
        result.loads.expert = parts.sparse + routedPart(shape, domain: domain)
        if recomputesExperts {
            let pricer = pricer(shape, domain: domain)
            result.selectiveSparse = pricer.selectiveRecomputation(isDense: false).load
        }
        return result
    }

    /// What a prompt of one sequence costs.
    mutating func request(
        _ slicing: Slicing, isSequenceParallel: Bool, domain: Int
    ) -> RequestPricer {
        var shape = shape(slicing, 1, isSequenceParallel)
        shape.isAlone = true
        let parts = commonRequest(shape, domain: domain)
        let traits = step.implementation
        return RequestPricer(
            dense: hasDense ? traits.requestTime(parts.dense) : .zero,
            expert: hasExperts
                ? traits.requestTime(parts.sparse + routedRequest(shape, domain: domain)) : .zero,
            ends: parts.ends)
    }

    private func shape(
        _ slicing: Slicing, _ sequences: Int, _ isSequenceParallel: Bool
    ) -> MicroBatchShape {
        MicroBatchShape(
            sequences: sequences, length: step.sequenceLength,
            degrees: slicing.degrees(pipeline: 1, data: 1), isSequenceParallel: isSequenceParallel)
    }

    private func pricer(_ shape: MicroBatchShape, domain: Int) -> LayerPricer {
        let degrees = Degrees(
            context: shape.context, tensor: shape.tensor, expert: shape.expert,
            expertTensor: shape.expertTensor)
        return model.layerPricer(
            for: step, shape: shape,
            layout: GroupLayout(degrees: degrees, placement: .outermost, domain: domain))
    }

    private mutating func commonParts(_ shape: MicroBatchShape, domain: Int) -> CommonParts {
        let key = CommonKey(shape, domain: domain)
        if let parts = common[key] { return parts }
        let pricer = pricer(shape, domain: domain)
        var parts = CommonParts()
        let attention = pricer.attention()
        if hasDense {
            parts.dense = PartLoad(attention + pricer.denseFeedForward())
            parts.selectiveDense = pricer.selectiveRecomputation(isDense: true).load
        }
        if hasExperts {
            let outside = pricer.router() + pricer.combination() + pricer.sharedExperts()
            parts.sparse = PartLoad(attention + outside)
            parts.selectiveSparse = pricer.selectiveRecomputation(isDense: false).load
        }
        parts.embedding = PartLoad(pricer.embedding())
        parts.head = PartLoad(pricer.head())
        common[key] = parts
        return parts
    }

    private mutating func routedPart(_ shape: MicroBatchShape, domain: Int) -> PartLoad {
        let key = RoutedKey(shape, topK: step.model.topK, domain: domain)
        if let part = routed[key] { return part }
        let part = PartLoad(pricer(shape, domain: domain).routedExperts())
        routed[key] = part
        return part
    }

    private mutating func commonRequest(_ shape: MicroBatchShape, domain: Int) -> CommonRequest {
        let key = CommonKey(shape, domain: domain)
        if let parts = commonRequests[key] { return parts }
        let pricer = pricer(shape, domain: domain)
        var parts = CommonRequest()
        let attention = pricer.attention().forward
        if hasDense { parts.dense = attention + pricer.denseFeedForward().forward }
        if hasExperts {
            let outside = pricer.router() + pricer.combination() + pricer.sharedExperts()
            parts.sparse = attention + outside.forward
        }
        parts.ends = pricer.requestEnds
        commonRequests[key] = parts
        return parts
    }

    private mutating func routedRequest(_ shape: MicroBatchShape, domain: Int) -> PassCost {
        let key = RoutedKey(shape, topK: step.model.topK, domain: domain)
        if let pass = routedRequests[key] { return pass }
        let pass = pricer(shape, domain: domain).routedExperts().forward
        routedRequests[key] = pass
        return pass
    }
}

/// The layers of a micro-batch, priced without recomputation, and what recomputation adds.
struct LayerPrices {
    var loads: LayerLoads
    var selectiveDense: PassLoad
    var selectiveSparse: PassLoad

    func recomputing(_ recompute: Plan.Recompute) -> LayerLoads {
        var result = loads
        result.dense = loads.dense.recomputed(recompute, selectively: selectiveDense)
        result.expert = loads.expert.recomputed(recompute, selectively: selectiveSparse)
        return result
    }
}
