/// Counts of the whole model, in closed form: none of them walks over weights or layers.
extension Model {
    /// The number of weights; a tied embedding counts once.
    ///
    /// Counted is what a checkpoint of the family holds for training: selection biases of the
    /// router are, the layers that predict a second token ahead (`num_nextn_predict_layers`) are
    /// not.
    package var parameterCount: Int {
        let sparse = layerParameters(isDense: false).total(experts: expertCount)
        let dense = layerParameters(isDense: true).total(experts: 0)
        return expertLayerCount * sparse + denseLayerCount * dense + normElements
            + embeddingElements + headElements
    }

    private var embeddingElements: Int {
        (vocabularySize + (learnedPositions ?? 0)) * hiddenSize
    }
    private var headElements: Int { tiesEmbeddings ? 0 : vocabularySize * hiddenSize }

    /// The number of weights that a token meets: all but those of experts not chosen for it.
    ///
    /// As in the names of models (A3B, A22B, 37B activated), the whole embedding and the whole head
    /// are counted, although a token looks up one row of the embedding.
    package var activeParameterCount: Int {
        let idle = max(0, expertCount - topK)
        return parameterCount
            - expertLayerCount * idle * layerParameters(isDense: false).expert
    }

    /// The number of weights of one kind.
    package func parameterCount(of kind: StoredParameter.Kind) -> Int {
        let sparse = layerParameters(isDense: false)
        let dense = layerParameters(isDense: true)
        func ofLayers(_ part: KeyPath<LayerParameters, Int>) -> Int {
            expertLayerCount * sparse[keyPath: part] + denseLayerCount * dense[keyPath: part]
        }
        switch kind {
        case .embedding: return embeddingElements
        case .attention: return ofLayers(\.attention)
        case .router: return ofLayers(\.router)
        case .experts: return expertCount * ofLayers(\.expert)
        case .shared: return ofLayers(\.shared)
        case .dense: return ofLayers(\.dense)
        case .norms: return ofLayers(\.norms) + normElements
        case .head: return headElements
        }
    }
}
