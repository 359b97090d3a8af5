package import ApusPlan

/// Weights that one rank of a pipeline stage holds, by what they are reduced over.
package struct StateSizes: Hashable, Sendable {
    /// Elements of dense weights: the same on all data and context ranks.
    package var dense = 0
    /// Elements of experts: the same on the ranks of the expert-data axis.
    package var experts = 0
    /// Elements of the embedding that the first and the last stage both hold, counted in `dense`.
    package var tiedEmbedding = 0

    package init() {}

    package init(
        layers: StageLayers, plan: Plan, degrees: Degrees, model: Model,
        dense: LayerParameters, expert: LayerParameters
    ) {
        let tensor = plan.degrees.tensor
        let replicated = dense.norms
        self.dense =
            layers.dense * (replicated + (dense.attention + dense.dense) / tensor)
            + layers.sparse
            * (expert.norms + expert.router + (expert.attention + expert.shared) / tensor)
        if model.hasExperts {
            let perRank = max(1, model.expertCount / degrees.expert)
            experts = layers.sparse * perRank * expert.expert / degrees.expertTensor
        }
        let words = model.vocabularySize * model.hiddenSize / tensor
        if layers.hasEmbedding { self.dense += words }
        if layers.hasHead, !(model.tiesEmbeddings && layers.hasEmbedding) { self.dense += words }
        if model.tiesEmbeddings, plan.degrees.pipeline > 1, layers.hasEmbedding != layers.hasHead {
            tiedEmbedding = words
        }
    }
}
