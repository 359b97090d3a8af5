package import ApusBase
package import ApusPlan

/// What one request costs on the ranks of a plan, with nothing else running.
///
/// The request lives on one batch replica: its tokens pass the stages one after the other, and
/// experts of other replicas' ranks help.
package struct RequestPricer: Hashable, Sendable {
    /// One layer's forward over the whole prompt.
    package var dense: Seconds
    package var expert: Seconds
    /// The embedding of the prompt, and the head for its last token.
    package var ends: Seconds

    package init(dense: Seconds, expert: Seconds, ends: Seconds) {
        self.dense = dense
        self.expert = expert
        self.ends = ends
    }

    /// Prices the parts of a prompt of one sequence; `pricer` is one for training.
    init(_ pricer: LayerPricer) {
        let alone = pricer.alone
        let attention = alone.attention().forward
        let model = pricer.model
        dense =
            model.denseLayerCount > 0
            ? pricer.implementation.requestTime(attention + alone.denseFeedForward().forward)
            : .zero
        expert =
            model.expertLayerCount > 0
            ? pricer.implementation.requestTime(attention + alone.experts().forward) : .zero
        ends = alone.requestEnds
    }

    /// The time from a prompt's arrival to its first token, with `messages` between its stages.
    package func timeToFirstToken(model: Model, messages: Int, message: Seconds) -> Seconds {
        Double(model.denseLayerCount) * dense + Double(model.expertLayerCount) * expert + ends
            + Double(messages) * message
    }
}

extension Implementation {
    /// A forward pass without anything beside it.
    package func requestTime(_ pass: PassCost) -> Seconds {
        let host = Double(pass.work.launches) * launchTime
        return max(pass.work.time, host) + pass.tensor + pass.contextExposed + pass.expert
    }
}

extension LayerPricer {
    /// The same layers for a prompt of one sequence, while the other replicas have nothing to do.
    fileprivate var alone: LayerPricer {
        var result = self
        result.shape.sequences = 1
        result.shape.isAlone = true
        return result
    }

    /// The embedding of a prompt, and the head for its last token.
    package var requestEnds: Seconds {
        implementation.requestTime(embedding().forward) + implementation.requestTime(tokenHead())
    }

    /// The scores of all words for one token, and the choice of one.
    private func tokenHead() -> PassCost {
        var pass = PassCost()
        let words = max(1, model.vocabularySize / shape.tensor)
        pass.work.add(
            kernels.product(m: 1, n: words, k: model.hiddenSize, precision: widePrecision),
            .product)
        elementwise(&pass, numbers: words, bytesPerNumber: element)
        if shape.tensor > 1 {
            pass.tensor += network.time(
                .allGather, payload: Double(words * shape.tensor * element), span: layout.tensor)
        }
        return pass
    }
}

extension CostModel {
    /// From the arrival of one request of the step's length to its first token, nothing queued.
    package func timeToFirstToken(of step: Step) -> Seconds {
        let request = RequestPricer(layerPricer(for: step))
        let messages = step.plan.degrees.pipeline * step.plan.chunks - 1
        return request.timeToFirstToken(
            model: step.model, messages: messages, message: requestMessage(of: step, tokens: nil))
    }

    /// The time of one more token after a prompt of the step's length, one request at a time.
    ///
    /// Reading weights and cached keys and values bounds it; collectives cost their latency.
    package func timePerOutputToken(of step: Step) -> Seconds {
        let decoder = TokenPricer(layerPricer(for: step))
        let messages = step.plan.degrees.pipeline * step.plan.chunks - 1
        return decoder.time + Double(messages) * requestMessage(of: step, tokens: 1)
    }

    /// The message between two stages of one request, of so many tokens or of all of them.
    private func requestMessage(of step: Step, tokens: Int?) -> Seconds {
        boundaryMessage(
            tokens: tokens.map { $0 * step.degrees.tensor }
                ?? max(1, step.sequenceLength / step.degrees.context),
            degrees: step.degrees, placement: step.plan.pipelinePlacement, model: step.model,
            precision: step.workload.precision)
    }
}

/// Prices one token of decoding, layer by layer.
private struct TokenPricer {
    let pricer: LayerPricer
    var model: Model { pricer.model }
    var tensor: Double { Double(pricer.shape.tensor) }
    var element: Double { Double(pricer.precision.byteCount) }

    init(_ pricer: LayerPricer) { self.pricer = pricer }

    var time: Seconds {
        let words = Double(model.vocabularySize) * Double(model.hiddenSize) / tensor
        return Double(model.denseLayerCount) * layer(isDense: true)
            + Double(model.expertLayerCount) * layer(isDense: false)
            + read(words * Double(pricer.element), kernels: 2)
    }

    /// Weights of a layer that one rank reads for one token, its cache, and the collectives.
    private func layer(isDense: Bool) -> Seconds {
        let counts = model.layerParameters(isDense: isDense)
        var weights = Double(counts.norms + counts.router)
        weights += Double(counts.attention + counts.dense + counts.shared) / tensor
        // The chosen experts lie on different ranks as far as there are ranks.
        let chosen = (model.topK + pricer.shape.expert - 1) / pricer.shape.expert
        if !isDense {
            weights +=
                Double(chosen) * Double(counts.expert) / Double(pricer.shape.expertTensor)
        }
        var time = read(weights * element + cache, kernels: isDense ? 10 : 16)
        let payload = Double(model.hiddenSize * pricer.element)
        if pricer.shape.tensor > 1 {
            time +=
                2 * pricer.network.time(.allReduce, payload: payload, span: pricer.layout.tensor)
        }
        guard !isDense, pricer.shape.expert > 1 else { return time }
        return time + 2
            * pricer.network.expertExchange(
                tokens: 1, hidden: model.hiddenSize, topK: model.topK,
                bytesPerElement: Double(pricer.element), span: pricer.layout.expert,
                fused: pricer.implementation.dispatcher == .fused)
    }

    /// Keys and values of the tokens so far, of one layer on one rank.
    private var cache: Double {
        let tokens = Double(pricer.shape.length) / Double(pricer.shape.context)
        if let latent = model.latentAttention {
            // Each tensor rank keeps the compressed vectors of all heads.
            let width = latent.keyValueRank + latent.rotaryHeadDim
            return tokens * Double(width * pricer.element)
        }
        let heads = max(1, Double(model.keyValueHeadCount) / tensor)
        return tokens * 2 * heads * Double(model.headDim * pricer.element)
    }

    private func read(_ bytes: Double, kernels count: Int) -> Seconds {
        max(
            pricer.kernels.elementwise(bytes: bytes).time,
            Double(count) * pricer.implementation.launchTime)
    }
}
