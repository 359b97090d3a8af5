import ApusBase
import ApusPlan

/// What the first and the last stage have beside layers.
extension LayerPricer {
    /// Looking up `[tokens]` in the embedding, a slice of whose rows each tensor rank holds.
    package func embedding() -> PartCost {
        var cost = PartCost()
        let numbers = shape.tokens * model.hiddenSize
        elementwise(
            &cost.forward, numbers: numbers, bytesPerNumber: 2 * element, kernels: 3,
            as: (.embedding, .forward))
        elementwise(
            &cost.backwardWeight, numbers: numbers, bytesPerNumber: 3 * element + 4,
            as: (.embedding, .backward))
        cost = cost.corrected(by: corrections?.embedding)
        guard shape.tensor > 1 else { return cost }
        let payload = Double(numbers * element)
        let collective = shape.isSequenceParallel ? Collective.reduceScatter : .allReduce
        let time = network.time(collective, payload: payload, span: layout.tensor)
        cost.forward.addTensor(time)
        return cost
    }

    /// The final norm, the scores of all words and the cross-entropy.
    package func head() -> PartCost {
        var cost = PartCost()
        norm(&cost, numbers: shape.localTokens * model.hiddenSize)
        let words = max(1, model.vocabularySize / shape.tensor)
        product(
            &cost, rows: shape.tokens, inputs: model.hiddenSize, outputs: words,
            in: widePrecision)
        let scores = shape.tokens * words
        // Fused: scores are read for maximum and sum and once more for the gradient. Otherwise each
        // step goes through memory in FP32.
        let fused = implementation.crossEntropy == .inPlace
        elementwise(
            &cost.forward, numbers: scores, bytesPerNumber: fused ? 3 * element : 20,
            kernels: fused ? 3 : 8, as: (.crossEntropy, .forward))
        elementwise(
            &cost.backwardInput, numbers: scores, bytesPerNumber: fused ? 2 * element : 12,
            kernels: fused ? 2 : 4, as: (.crossEntropy, .backward))
        headCollectives(&cost)
        return cost.corrected(by: corrections?.head)
    }

    private func headCollectives(_ cost: inout PartCost) {
        guard shape.tensor > 1 else { return }
        let payload = Double(shape.tokens * model.hiddenSize * element)
        if shape.isSequenceParallel {
            let gather = network.time(.allGather, payload: payload, span: layout.tensor)
            cost.forward.addTensor(gather)
        }
        // Maximum, target's score and sum of each token, in FP32.
        let statistics = network.time(
            .allReduce, payload: Double(shape.tokens * 4), span: layout.tensor)
        cost.forward.addTensor(3 * statistics)
        let sum = network.time(
            shape.isSequenceParallel ? .reduceScatter : .allReduce, payload: payload,
            span: layout.tensor)
        cost.backwardInput.addTensor(sum, exposed: CostConstants.asynchronousTensorExposed)
    }
}
