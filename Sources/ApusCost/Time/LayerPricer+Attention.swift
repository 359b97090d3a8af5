import ApusBase
import ApusPlan

extension LayerPricer {
    /// Norm, projections, attention itself and the residual sum.
    package func attention() -> PartCost {
        var cost = attentionNorm() + heads() + attentionResidual()
        tensorCollectives(&cost, inputWidth: latentWidth)
        return cost
    }

    /// The norm before attention, on a rank's own tokens.
    package func attentionNorm() -> PartCost {
        var cost = PartCost()
        norm(&cost, numbers: shape.localTokens * model.hiddenSize)
        return cost.corrected(by: corrections?.attention)
    }

    /// What a rank's heads do with the tokens of the whole slice group.
    package func heads() -> PartCost {
        var cost = PartCost()
        projections(&cost)
        core(&cost)
        product(
            &cost, rows: shape.tokens, inputs: headCount * valueHeadDim,
            outputs: model.hiddenSize, in: precision)
        contextExchange(&cost)
        return cost.corrected(by: corrections?.attention)
    }

    /// The residual sum after attention, on a rank's own tokens.
    package func attentionResidual() -> PartCost {
        var cost = PartCost()
        residual(&cost, numbers: shape.localTokens * model.hiddenSize)
        return cost.corrected(by: corrections?.attention)
    }

    /// What tensor ranks gather of the latents that each compresses for its own tokens; `nil` for
    /// attention without latents.
    private var latentWidth: Int? {
        model.latentAttention.map {
            ($0.queryRank ?? model.hiddenSize) + $0.keyValueRank + $0.rotaryHeadDim
        }
    }

    /// Query heads of one rank.
    private var headCount: Int { max(1, model.headCount / shape.tensor) }
    private var keyValueHeadCount: Int { max(1, model.keyValueHeadCount / shape.tensor) }
    /// Numbers of one token's keys and values on a rank.
    var keyValueRowWidth: Int { keyValueHeadCount * (queryHeadDim + valueHeadDim) }
    private var queryHeadDim: Int { model.latentAttention?.queryHeadDim ?? model.headDim }
    private var valueHeadDim: Int { model.latentAttention?.valueHeadDim ?? model.headDim }

    private func projections(_ cost: inout PartCost) {
        let tokens = shape.tokens
        guard let latent = model.latentAttention else {
            let outputs = (headCount + 2 * keyValueHeadCount) * model.headDim
            let pieces =
                implementation.joinsProjections
                ? [outputs]
                : [headCount, keyValueHeadCount, keyValueHeadCount].map { $0 * model.headDim }
            for width in pieces {
                product(
                    &cost, rows: tokens, inputs: model.hiddenSize, outputs: width, in: precision)
            }
            guard model.learnedPositions == nil else { return }
            rotation(&cost, numbers: tokens * (headCount + keyValueHeadCount) * model.headDim)
            if model.queryKeyNorm != .none {
                norm(&cost, numbers: tokens * (headCount + keyValueHeadCount) * model.headDim)
            }
            return
        }
        // Each tensor rank compresses its own tokens; the expansion has a slice of the heads.
        let local = shape.localTokens
        if let rank = latent.queryRank {
            product(&cost, rows: local, inputs: model.hiddenSize, outputs: rank, in: precision)
            norm(&cost, numbers: local * rank)
        }
        product(
            &cost, rows: local, inputs: model.hiddenSize,
            outputs: latent.keyValueRank + latent.rotaryHeadDim, in: precision)
        norm(&cost, numbers: local * latent.keyValueRank)
        expansions(&cost, latent)
    }

    /// Latent attention's expansion to queries, keys and values, and their rotation.
    private func expansions(_ cost: inout PartCost, _ latent: Model.LatentAttention) {
        let tokens = shape.tokens
        let queryWidth = headCount * latent.queryHeadDim
        product(
            &cost, rows: tokens, inputs: latent.queryRank ?? model.hiddenSize,
            outputs: queryWidth, in: precision)
        product(
            &cost, rows: tokens, inputs: latent.keyValueRank,
            outputs: headCount * (latent.plainHeadDim + latent.valueHeadDim), in: precision)
        // Rotation, and joining the turned and the plain part of queries and keys.
        rotation(&cost, numbers: 2 * queryWidth * tokens)
    }

    private func rotation(_ cost: inout PartCost, numbers: Int) {
        let passes = implementation.fusedElementwise ? 1 : 3
        let bytes = 2 * element * passes
        elementwise(
            &cost.forward, numbers: numbers, bytesPerNumber: bytes, as: (.rotation, .forward))
        elementwise(
            &cost.backwardInput, numbers: numbers, bytesPerNumber: bytes,
            as: (.rotation, .backward))
    }

    /// Attention of a rank's heads over its share of the sequence.
    private func core(_ cost: inout PartCost) {
        guard implementation.fusedAttention else { return unfusedCore(&cost) }
        cost.forward.work += fusedCore(.forward)
        cost.backwardInput.work += fusedCore(.backward)
    }

    private func fusedCore(_ pass: Pass) -> Work {
        var work = Work.zero
        // Context ranks take chunks from both ends of the sequence, so that their queries see as
        // many keys as those of a whole sequence: half of it on average.
        let length = max(1, shape.length / shape.context)
        let seen = (shape.length + length) / 2
        let sinks = model.hasAttentionSinks ? CostConstants.attentionWithSinks : 1
        let sustained = kernels.hasMeasuredAttention ? 1 : CostConstants.sustainedAttention
        let share = sustained * sinks
        // The mean over the layers, of which some look back through a window only.
        let window = model.slidingWindow.map { min($0, seen) } ?? seen
        let windowed =
            window < seen ? Double(model.windowedLayers.count) / Double(model.layerCount) : 0
        for (keyLength, weight) in [(seen, 1 - windowed), (window, windowed)] where weight > 0 {
            var kernel = kernels.attention(
                sequences: shape.sequences, queryLength: length, keyLength: keyLength,
                heads: headCount, keyValueHeads: keyValueHeadCount, headDim: queryHeadDim,
                valueHeadDim: valueHeadDim, isCausal: keyLength == seen,
                precision: widePrecision, pass: pass)
            kernel.time = weight * kernel.time
            work.add(kernel.stretched(by: share), .attention)
        }
        return work
    }

    /// Scores written out, softmax, dropout and the weighted sum, without leaving out what the
    /// causal mask hides.
    ///
    /// Source: Korthikanti et al. 2022, figure 3.
    private func unfusedCore(_ cost: inout PartCost) {
        unfusedCore(&cost.forward, products: 1, passes: 1)
        unfusedCore(&cost.backwardInput, products: 2, passes: 2)
    }

    private func unfusedCore(_ pass: inout PassCost, products: Int, passes: Int) {
        let batches = shape.sequences * headCount
        let length = max(1, shape.length / shape.context)
        let scores = batches * length * shape.length
        for _ in 0..<products {
            pass.work.add(
                productTime(batches * length, shape.length, queryHeadDim, widePrecision),
                .attention)
            pass.work.add(
                productTime(batches * length, valueHeadDim, shape.length, widePrecision),
                .attention)
        }
        // Softmax reads and writes each score; dropout reads, writes and keeps a mask.
        for _ in 0..<passes {
            elementwise(&pass, numbers: scores, bytesPerNumber: 2 * element)
            if implementation.dropsOut {
                elementwise(&pass, numbers: scores, bytesPerNumber: 2 * element + 1)
            }
        }
    }

    /// Keys and values going round the context ranks while attention computes.
    private func contextExchange(_ cost: inout PartCost) {
        guard shape.context > 1 else { return }
        let payload = Double(shape.tokens * keyValueRowWidth * element)
        let message = network.time(
            .pointToPoint, payload: payload, span: pairSpan(of: layout.context))
        let forward = Double(shape.context - 1) * message
        exchange(&cost.forward, forward, hiddenBy: fusedCore(.forward).time)
        exchange(&cost.backwardInput, 2 * forward, hiddenBy: fusedCore(.backward).time)
    }

    private func exchange(_ pass: inout PassCost, _ time: Seconds, hiddenBy compute: Seconds) {
        pass.context += time
        // The first chunk's computation hides nothing that it waits for itself.
        let share = Double(shape.context - 1) / Double(shape.context)
        pass.contextExposed += max(.zero, time - share * compute)
    }

    private func pairSpan(of span: GroupSpan) -> GroupSpan {
        GroupSpan(ranks: 2, ranksPerNode: span.ranksPerNode == span.ranks ? 2 : 1)
    }

    /// What a selective recomputation runs again.
    package func selectiveRecomputation(isDense: Bool) -> PassCost {
        let modules = implementation.selectiveModules
        var cost = PartCost()
        if modules.contains(.coreAttention) {
            core(&cost)
            contextExchange(&cost)
        }
        if modules.contains(.norms) {
            norm(&cost, numbers: 2 * shape.localTokens * model.hiddenSize)
        }
        if modules.contains(.latentExpansion), let latent = model.latentAttention {
            expansions(&cost, latent)
        }
        if isDense {
            if modules.contains(.feedForward) { cost += denseFeedForward() }
        } else if modules.contains(.experts) {
            cost += experts()
        } else {
            if modules.contains(.expertActivation) {
                activation(&cost, rows: expertRows, width: expertWidth)
            }
            if modules.contains(.sharedExperts) { cost += sharedExperts() }
        }
        return cost.forward
    }
}
