package import ApusPlan

/// What one layer keeps of one micro-batch on one rank, in bytes.
///
/// It depends on how a layer is sliced and recomputed and not on the pipeline, the data degree or
/// the schedule, so that a search computes it once for many plans.
///
/// Source: Korthikanti et al. 2022, §4, with fused attention (Dao et al. 2022), grouped-query
/// attention, gated products and experts; what is kept is what Transformer Engine's modules save.
package struct LayerMemory: Hashable, Sendable {
    /// Kept from forward to backward.
    package var kept = 0.0
    /// What `kept` would be without recomputation.
    package var whole = 0.0
    /// The most that backward of the layer holds beyond what forward kept, without recomputation.
    package var backward = 0.0

    /// What the layer holds while its own backward runs, beyond `kept`: what is computed again,
    /// and the gradients that pass.
    package var peak: Double { whole - kept + backward }
}

/// What slicing leaves of a micro-batch on one rank.
package struct LayerShape: Hashable, Sendable {
    package var model: Model
    /// The degrees by which the layer computes.
    package var degrees: Degrees
    package var sequencesPerMicroBatch: Int
    package var sequenceLength: Int
    package var sequenceParallel: Bool
    package var recompute: Plan.Recompute
    /// The type of activations.
    package var precision: Precision
    package var routing: Routing
    package var implementation: Implementation

    package init(_ step: Step) {
        model = step.model
        degrees = step.degrees
        sequencesPerMicroBatch = step.sequencesPerMicroBatch
        sequenceLength = step.sequenceLength
        sequenceParallel = step.sequenceParallel
        recompute = step.bucket.recompute
        precision = step.workload.precision
        routing = step.routing
        implementation = step.implementation
    }

    /// Tokens of the micro-batch that one context rank holds.
    var tokens: Double {
        Double(sequencesPerMicroBatch) * Double(sequenceLength) / Double(degrees.context)
    }
    /// The tokens that norms and the residual stream see.
    var streamTokens: Double { sequenceParallel ? tokens / Double(degrees.tensor) : tokens }
    /// Bytes of an activation: the products of FP8 read copies, what is kept stays in BF16.
    var element: Double { Double(max(2, precision.byteCount)) }
    var tensor: Double { Double(degrees.tensor) }

    /// One `[tokens, hidden]` of the residual stream, in bytes.
    package var stream: Double { streamTokens * Double(model.hiddenSize) * element }
    /// One `[tokens, hidden]` as the products see it, in bytes.
    var gathered: Double { tokens * Double(model.hiddenSize) * element }
}

extension Step {
    /// Whether norms see slices of the tokens; a tensor degree carved out of the data axis always
    /// means so.
    package var sequenceParallel: Bool {
        plan.sequenceParallel || degrees.tensor > plan.degrees.tensor
    }
}

extension LayerShape {
    /// What a dense layer keeps, or a layer with experts.
    package func layer(isDense: Bool) -> LayerMemory {
        let attention = attentionMemory
        let feedForward = isDense ? denseMemory : expertMemory
        // The inputs of both norms are the residual stream; the outputs feed the products.
        let norms = 4 * stream
        let masks = implementation.dropsOut ? 2 * stream / element : 0
        var result = LayerMemory()
        result.whole = norms + masks + attention.whole + feedForward.whole
        result.backward = max(attention.backward, feedForward.backward)
        switch recompute {
        case .none: result.kept = result.whole
        case .selective:
            let norms = implementation.selectiveModules.contains(.norms) ? norms / 2 : norms
            result.kept = norms + masks + attention.kept + feedForward.kept
        case .full: result.kept = stream
        }
        return result
    }

    private func kept(_ size: Double, unless module: RecomputedModules) -> Double {
        implementation.selectiveModules.contains(module) ? 0 : size
    }

    /// Attention between the first norm and the residual.
    private var attentionMemory: LayerMemory {
        let heads = Double(model.headCount) / tensor
        var latents = 0.0
        var inputs: Double
        let output: Double
        if let latent = model.latentAttention {
            // Compressed vectors before and after their norms, and the rotary part of the key.
            let ranks = 2 * Double(latent.queryRank ?? 0) + 2 * Double(latent.keyValueRank)
            latents = streamTokens * (ranks + Double(latent.rotaryHeadDim)) * element
            let width = 2 * latent.queryHeadDim + latent.valueHeadDim
            inputs = tokens * heads * Double(width) * element
            output = tokens * heads * Double(latent.valueHeadDim) * element
        } else {
            let keyValueHeads = Double(model.keyValueHeadCount) / tensor
            inputs = tokens * (heads + 2 * keyValueHeads) * Double(model.headDim) * element
            output = tokens * heads * Double(model.headDim) * element
            if model.queryKeyNorm != .none {
                inputs += tokens * (heads + keyValueHeads) * Double(model.headDim) * element
            }
        }
        var core = tokens * heads * 4
        if !implementation.fusedAttention {
            let scores = tokens * heads * Double(sequenceLength)
            core = scores * (implementation.dropsOut ? 2 * element + 1 : element)
        }
        var result = LayerMemory()
        result.whole = latents + inputs + output + core
        result.kept =
            latents + kept(inputs, unless: .latentExpansion) + output
            + kept(core, unless: .coreAttention)
        if model.latentAttention == nil {
            result.kept += inputs - kept(inputs, unless: .latentExpansion)
        }
        result.backward = inputs + output + (implementation.fusedAttention ? 0 : core)
        return result
    }

    /// A dense feed-forward part between the second norm and the residual.
    private var denseMemory: LayerMemory {
        feedForward(rows: tokens, width: Double(model.denseHiddenSize) / tensor, .feedForward)
    }

    /// Two products with an activation between them: its input and its output are kept.
    private func feedForward(
        rows: Double, width: Double, _ module: RecomputedModules
    ) -> LayerMemory {
        let inner = rows * width * element
        let into = (model.isGated ? 2 : 1) * inner
        var result = LayerMemory()
        result.whole = into + inner
        result.kept = kept(result.whole, unless: module)
        // Gradients of the activation's output and input, where the output itself is done with.
        result.backward = into + 2 * stream
        return result
    }

    /// The rows that a rank's experts compute of one micro-batch.
    ///
    /// Each of a stage's ranks sends its tokens `topK` times; in balance an expert group's ranks
    /// receive as many as they send, and the ranks of one expert-tensor group all see the same.
    package var expertRows: Double {
        let sent = tokens / tensor * Double(model.topK) * Double(degrees.expertTensor)
        switch routing.capacity {
        case .dropless: return sent * implementation.expertImbalance
        case .perAssignment: return sent * routing.capacityFactor
        case .perToken: return sent * routing.capacityFactor / Double(max(1, model.topK))
        }
    }

    /// Router, dispatch, experts and combine between the second norm and the residual.
    private var expertMemory: LayerMemory {
        let rows = expertRows
        let width = Double(model.expertHiddenSize) / Double(degrees.expertTensor)
        let inner = rows * width * element
        let into = (model.isGated ? 2 : 1) * inner
        let inputs = rows * Double(model.hiddenSize) * element
        // Scores, probabilities and their gradients in FP32, and the map of assignments.
        let router = streamTokens * Double(model.expertCount) * 13
        let sharedWidth = Double(model.sharedExpertHiddenSize) / tensor
        let shared = feedForward(rows: tokens, width: sharedWidth, .sharedExperts)
        var result = LayerMemory()
        result.whole = router + inputs + into + inner + shared.whole
        let experts = inputs + into + kept(inner, unless: .expertActivation)
        result.kept = kept(router + experts + shared.kept, unless: .experts)
        result.backward =
            MemoryConstants.expertRowBuffers * inputs + into + inner
        return result
    }
}
