package import ApusPlan

/// How many weights one rank holds of a layer, and of the embedding and the head.
///
/// Dense weights are slices by the tensor degree and replicated over data and context ranks;
/// experts are split by expert and expert-tensor degree and replicated over expert-data ranks.
/// Counts are `Double`, which neither traps nor loses a bit below 2⁵³.
package struct LayerWeights: Hashable, Sendable {
    /// Weights of a dense layer outside experts.
    package var dense = 0.0
    /// Weights of a layer with experts, outside its experts: attention, norms, router, shared.
    package var sparse = 0.0
    /// The experts of one layer that a rank holds.
    package var experts = 0.0
    /// The rank's slice of the token embedding, and of the head.
    package var vocabulary = 0.0
    /// The vocabulary that embedding and head are laid out for.
    package var paddedVocabulary = 0.0
    /// The learned positions beside the embedding.
    package var positions = 0.0
    /// The norm before the head.
    package var finalNorm = 0.0
    /// The weight matrices of distinct shape in a dense layer, and in a layer with experts.
    package var denseShapes = 0.0
    package var sparseShapes = 0.0
    /// The largest single matrix of a layer of either kind.
    package var largest = 0.0

    /// The counts for weights stored in `tensor` slices.
    package init(model: Model, stored degrees: Degrees, vocabularyMultiple: Int) {
        let hidden = Double(model.hiddenSize)
        let tensor = Double(degrees.tensor)
        let attention = AttentionWeights(model, tensor: tensor)
        let norm = hidden * (model.norm == .layer ? 2 : 1)
        let matrices = model.isGated ? 3.0 : 2.0
        let bias = model.hasFeedForwardBias ? 1.0 : 0.0

        let dense = Double(model.denseHiddenSize) / tensor
        let denseMatrices = matrices * hidden * dense
        self.dense =
            attention.all + 2 * norm + denseMatrices + bias * ((matrices - 1) * dense + hidden)
        denseShapes = attention.shapes + denseMatrices

        let shared = Double(model.sharedExpertHiddenSize) / tensor
        let router = hidden * Double(model.expertCount)
        sparse =
            attention.all + 2 * norm + router + matrices * hidden * shared
            + (model.hasRouterBias ? Double(model.expertCount) : 0)
            + (model.hasSharedExpertGate ? hidden : 0)
            + (shared > 0 ? bias * ((matrices - 1) * shared + hidden) : 0)
        let inner = Double(model.expertHiddenSize) / Double(degrees.expertTensor)
        let held = Double(model.expertCount) / Double(degrees.expert)
        experts =
            held * (matrices * hidden * inner + bias * ((matrices - 1) * inner + hidden))
        sparseShapes =
            attention.shapes + matrices * hidden * (shared == inner ? inner : shared + inner)
        largest = max(
            attention.largest, (matrices - 1) * hidden * max(dense, model.hasExperts ? inner : 0))

        let multiple = Double(max(1, vocabularyMultiple)) * tensor
        paddedVocabulary = (Double(model.vocabularySize) / multiple).rounded(.up) * multiple
        vocabulary = paddedVocabulary * hidden / tensor
        positions = Double(model.learnedPositions ?? 0) * hidden
        finalNorm = norm
    }
}

extension LayerWeights {
    /// The weights outside experts that a rank of a stage with these layers holds.
    package func common(of layers: StageLayers, tiesEmbeddings: Bool) -> Double {
        var count = Double(layers.dense) * dense + Double(layers.sparse) * sparse
        if layers.hasEmbedding { count += vocabulary + positions }
        if layers.hasHead { count += finalNorm }
        if layers.hasHead && !(tiesEmbeddings && layers.hasEmbedding) { count += vocabulary }
        return count
    }
}

/// How many weights of one layer's attention a rank holds.
private struct AttentionWeights {
    var all: Double
    /// The matrices alone, which have pairwise distinct shapes.
    var shapes: Double
    var largest: Double

    init(_ model: Model, tensor: Double) {
        let hidden = Double(model.hiddenSize)
        let heads = Double(model.headCount)
        var extra =
            (model.hasAttentionOutputBias ? hidden : 0)
            + (model.hasAttentionSinks ? heads / tensor : 0)
        if let latent = model.latentAttention {
            // The projections down are whole on each rank, those up and out are sliced by heads.
            let query = heads * Double(latent.queryHeadDim) / tensor
            let keyValue = heads * Double(latent.plainHeadDim + latent.valueHeadDim) / tensor
            let keyValueRank = Double(latent.keyValueRank)
            let down = hidden * (keyValueRank + Double(latent.rotaryHeadDim))
            let output = heads * Double(latent.valueHeadDim) / tensor * hidden
            var queries = hidden * query
            if let rank = latent.queryRank {
                queries = Double(rank) * (hidden + query)
                extra += Double(rank)
            }
            shapes = queries + down + keyValueRank * keyValue + output
            largest = max(output, queries)
            extra += keyValueRank
        } else {
            let query = heads * Double(model.headDim)
            let keyValue = Double(model.keyValueHeadCount) * Double(model.headDim)
            shapes = hidden * (2 * query + 2 * keyValue) / tensor
            largest = hidden * (query + 2 * keyValue) / tensor
            extra += model.hasQueryKeyValueBias ? (query + 2 * keyValue) / tensor : 0
            switch model.queryKeyNorm {
            case .none: break
            case .perHead: extra += 2 * Double(model.headDim)
            case .whole: extra += (query + keyValue) / tensor
            }
        }
        all = shapes + extra
    }
}
