import ApusPlan

/// What one layer, or a part of one, keeps of one micro-batch on one rank, in bytes.
package struct LayerMemory: Hashable, Sendable {
    /// Kept from forward to backward.
    package var kept = 0.0
    /// What `kept` would be without recomputation.
    package var whole = 0.0
    /// The most that the layer's backward holds beyond what forward kept.
    package var backward = 0.0
    /// What a split backward leaves for the weights' gradients.
    ///
    /// That is the inputs of products, and gradients as large as their outputs.
    package var factors = 0.0

    /// What the layer adds to all that is kept while its own backward runs: what is computed again,
    /// and the gradients that pass.
    package var passing: Double { whole - kept + backward }
}

/// A layer's memory does not depend on the pipeline, the data degree or the schedule, so a search
/// computes it once for many plans.
///
/// Source: Korthikanti et al. 2022, §4, equations 1 to 4, whose figures this gives exactly for GPT
/// with separate attention; with fused attention (Dao et al. 2022), grouped-query and latent
/// attention, gated products and experts. What is kept is what Transformer Engine's modules save.
extension LayerShape {
    /// What a dense layer keeps, or a layer with experts.
    package func layer(isDense: Bool) -> LayerMemory {
        let attention = attentionMemory
        let feedForward = isDense ? denseMemory : expertMemory
        // The two norms' inputs are the residual stream; their outputs feed the products.
        let normInputs = 2 * stream
        let normOutputs = 2 * stream
        let masks = implementation.dropsOut ? 2 * stream / element : 0
        var result = LayerMemory()
        result.whole = normInputs + normOutputs + masks + attention.whole + feedForward.whole
        result.backward = max(attention.backward, feedForward.backward)
        let rows = isDense ? streamTokens : expertRows
        result.factors =
            normOutputs + attention.factors + feedForward.factors + stream
            + rows * Double(model.hiddenSize) * element
        switch recompute {
        case .none: result.kept = result.whole
        case .selective:
            result.kept =
                normInputs + masks + unless(.norms, normOutputs) + attention.kept
                + feedForward.kept
        case .full: result.kept = stream
        }
        return result
    }

    /// The size, or nothing where selective recomputation drops what the module made.
    func unless(_ module: RecomputedModules, _ size: Double) -> Double {
        implementation.selectiveModules.contains(module) ? 0 : size
    }

    /// Queries, keys, values, the output of attention, and what lies between.
    private var attentionMemory: LayerMemory {
        let heads = Double(model.headCount) / tensor
        var latents = 0.0
        let inputs: Double
        let output: Double
        if let latent = model.latentAttention {
            // Compressed vectors before and after their norms, and the key's rotary part.
            let ranks = 2 * (Double(latent.queryRank ?? 0) + Double(latent.keyValueRank))
            latents = streamTokens * (ranks + Double(latent.rotaryHeadDim)) * element
            let width = 2 * Double(latent.queryHeadDim) + Double(latent.valueHeadDim)
            inputs = tokens * heads * width * element
            output = tokens * heads * Double(latent.valueHeadDim) * element
        } else {
            let head = tokens * Double(model.headDim) * element
            let keyValueHeads = Double(model.keyValueHeadCount) / tensor
            inputs = head * (heads + 2 * keyValueHeads)
            output = head * heads
            let turned = head * (heads + keyValueHeads)
            // Queries and keys before their norms.
            if model.queryKeyNorm != .none { latents += turned }
            // Assumption: with context parallelism the values stay a view of the whole projection,
            // which lives on beside the queries and keys that position has turned. SimuMax's one
            // such run holds 2.5 GiB more than without it; this gives 2.2 of them.
            if degrees.context > 1 && model.learnedPositions == nil { latents += turned }
        }
        let expansion =
            model.latentAttention == nil ? inputs : unless(.latentExpansion, inputs)
        let core = coreSize(heads: heads)
        var result = LayerMemory()
        result.whole = latents + inputs + output + core
        result.kept = latents + expansion + output + unless(.coreAttention, core)
        result.factors = latents + inputs + output
        result.backward = implementation.fusedAttention ? inputs : max(inputs, core)
        return result
    }

    /// What attention keeps between its inputs and its output: one FP32 log-sum-exp for each token
    /// and head, or the scores after softmax, their mask, and the scores after dropout.
    private func coreSize(heads: Double) -> Double {
        guard !implementation.fusedAttention else { return tokens * heads * 4 }
        let scores = tokens * heads * Double(sequenceLength)
        return scores * (implementation.dropsOut ? 2 * element + 1 : element)
    }
}
