import ApusPlan

/// The part of a layer between its second norm and the residual stream.
extension LayerShape {
    /// A dense feed-forward part.
    var denseMemory: LayerMemory {
        feedForward(width: Double(model.denseHiddenSize) / tensor, .feedForward)
    }

    /// Products into and out of `width`, around an activation whose input and output are kept.
    private func feedForward(width: Double, _ module: RecomputedModules) -> LayerMemory {
        let inner = tokens * width * element
        let into = inputsPerInner * inner
        var result = LayerMemory()
        result.whole = into + inner
        result.kept = unless(module, result.whole)
        result.factors = result.whole
        // The gradient of the activation's input comes while its output still waits for its own
        // weight gradient; around them the residual stream's gradient and a gathered input.
        result.backward = into + 2 * stream + gathered
        return result
    }

    /// Widths that go into an activation for each that comes out: a gate doubles them.
    private var inputsPerInner: Double { model.isGated ? 2 : 1 }

    /// Rows that a rank's experts compute for one micro-batch.
    ///
    /// A stage's ranks each send their tokens `topK` times; in balance a rank receives as many as
    /// it sends, and the ranks of one expert-tensor group all see each other's. Capacity pads every
    /// expert to its limit.
    package var expertRows: Double {
        let assignments =
            tokens / tensor * Double(model.topK) * Double(degrees.expertTensor)
        return assignments * (routing.headroom(topK: model.topK) ?? routing.imbalance)
    }

    /// Router, dispatch, experts, combine, and the experts that every token passes.
    package var expertMemory: LayerMemory {
        let rows = expertRows
        let inner =
            rows * Double(model.expertHiddenSize) / Double(degrees.expertTensor) * element
        let into = inputsPerInner * inner
        let inputs = rows * Double(model.hiddenSize) * element
        let outputs = implementation.weighsExpertOutputs ? inputs : 0
        let arrived = implementation.keepsArrivedRows && degrees.expert > 1 ? inputs : 0
        // Scores, probabilities and their gradients in FP32, and a byte for each assignment.
        let router = streamTokens * Double(model.expertCount) * (3 * 4 + 1)
        let shared = feedForward(
            width: Double(model.sharedExpertHiddenSize) / tensor, .sharedExperts)
        var result = LayerMemory()
        result.whole = router + inputs + arrived + into + inner + outputs + shared.whole
        result.factors = inputs + into + inner + shared.factors
        result.kept = unless(
            .experts,
            router + inputs + arrived + into + unless(.expertActivation, inner) + outputs
                + shared.kept)
        let buffers: Double
        switch implementation.dispatcher {
        case .allToAll: buffers = MemoryConstants.rowBuffers * inputs
        case .fused: buffers = MemoryConstants.rowBuffersFused * inputs
        }
        // Scaled outside a fused kernel, the inner activation has two FP32 gradients at once.
        let scaled =
            implementation.fusedElementwise || outputs > 0 ? 0 : 2 * 4 * inner / element
        result.backward = max(buffers, scaled) + into + inner + 3 * stream
        return result
    }
}
