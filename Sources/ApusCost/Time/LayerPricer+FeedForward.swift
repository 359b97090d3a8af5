package import ApusBase
import ApusPlan

extension LayerPricer {
    /// A dense layer's norm, its two or three matrices, and the residual sum.
    package func denseFeedForward() -> PartCost {
        var cost = PartCost()
        norm(&cost, numbers: shape.localTokens * model.hiddenSize)
        let width = max(1, model.denseHiddenSize / shape.tensor)
        gatedMatrices(&cost, width: width)
        return cost
    }

    /// Two or three matrices that every token passes, with the residual sum and the collectives.
    private func gatedMatrices(_ cost: inout PartCost, width: Int) {
        product(
            &cost, rows: shape.tokens, inputs: model.hiddenSize, outputs: firstWidth(width),
            in: precision)
        activation(&cost, rows: shape.tokens, width: width)
        product(
            &cost, rows: shape.tokens, inputs: width, outputs: model.hiddenSize, in: precision)
        residual(&cost, numbers: shape.localTokens * model.hiddenSize)
        tensorCollectives(&cost)
    }

    /// What the first product of a feed-forward gives: the gate beside the width where it has one.
    func firstWidth(_ width: Int) -> Int { model.isGated ? 2 * width : width }

    /// The activation function over `[rows, width]`, from `2 × width` where it is gated.
    func activation(_ cost: inout PartCost, rows: Int, width: Int) {
        let inputs = model.isGated ? 2 : 1
        elementwise(
            &cost.forward, numbers: rows * width, bytesPerNumber: (inputs + 1) * element,
            as: (.activation, .forward))
        elementwise(
            &cost.backwardInput, numbers: rows * width,
            bytesPerNumber: (2 * inputs + 1) * element, as: (.activation, .backward))
    }
}

// MARK: - Experts

extension LayerPricer {
    /// Rows that the experts of the busiest rank compute.
    var expertRows: Int {
        let rows = Double(shape.expertRows(topK: model.topK)) * keptShare * imbalance
        return max(1, Int(min(rows.rounded(), 1e11)))
    }
    var expertTokens: Int { shape.expertTokens }
    var expertWidth: Int { max(1, model.expertHiddenSize / shape.expertTensor) }

    /// An expert layer: norm and router, dispatch, experts, combine, residual sum.
    package func experts() -> PartCost {
        router() + routedExperts() + combination() + sharedExperts()
    }

    /// The second norm, the router and the permutation of rows.
    package func router() -> PartCost {
        var cost = PartCost()
        let tokens = expertTokens
        norm(&cost, numbers: tokens * model.hiddenSize)
        product(
            &cost, rows: tokens, inputs: model.hiddenSize, outputs: model.expertCount, in: .tf32)
        // Scores, selection, and the maps that sort rows; all small, in FP32.
        elementwise(
            &cost.forward, numbers: tokens * model.expertCount, bytesPerNumber: 32,
            kernels: CostConstants.routerKernels, as: (.router, .forward))
        elementwise(
            &cost.backwardInput, numbers: tokens * model.expertCount, bytesPerNumber: 16,
            kernels: CostConstants.routerKernels / 2, as: (.router, .backward))
        // Rows in the order of their experts: a token is read once and written `topK` times.
        permutation(&cost, reads: tokens, writes: tokens * model.topK, as: .spreading)
        return cost.corrected(by: corrections?.attention)
    }

    /// Dispatch, the experts' products over the rows that arrived, and combine.
    package func routedExperts() -> PartCost {
        var cost = PartCost()
        exchangeRows(&cost)
        let rows = expertRows
        let width = expertWidth
        if shape.expert > 1, implementation.dispatcher == .allToAll {
            // Rows arrive by source rank and are sorted by local expert, and back.
            permutation(&cost, reads: rows, writes: rows)
            permutation(&cost, reads: rows, writes: rows)
        }
        if precision == .fp8, implementation.launchesEachExpert {
            // Each expert's rows are padded to whole blocks of scales, and back.
            permutation(&cost, reads: rows, writes: rows)
            permutation(&cost, reads: rows, writes: rows)
        }
        groupedProduct(
            &cost, rows: rows, inputs: model.hiddenSize, outputs: firstWidth(width))
        if !implementation.fusesExperts { activation(&cost, rows: rows, width: width) }
        // The weighting of rows by the router's probabilities runs with the activation.
        groupedProduct(&cost, rows: rows, inputs: width, outputs: model.hiddenSize)
        return cost.corrected(by: corrections?.experts)
    }

    /// Rows back in the order of their tokens, their weighted sum, and the residual sum.
    package func combination() -> PartCost {
        var cost = PartCost()
        permutation(&cost, reads: expertTokens * model.topK, writes: expertTokens, as: .merging)
        residual(&cost, numbers: shape.localTokens * model.hiddenSize)
        if shape.tensor > 1, !shape.isSequenceParallel {
            // Each tensor rank routed a share of the tokens; all of them go on with all tokens.
            let payload = Double(shape.tokens * model.hiddenSize * element)
            let gather = network.time(.allGather, payload: payload, span: layout.tensor)
            addTensor(&cost.forward, gather, hidden: false)
            addTensor(&cost.backwardInput, gather, hidden: false)
        }
        return cost.corrected(by: corrections?.residual)
    }

    /// Experts that every token passes.
    package func sharedExperts() -> PartCost {
        var cost = PartCost()
        guard model.sharedExpertHiddenSize > 0 else { return cost }
        let width = max(1, model.sharedExpertHiddenSize / shape.tensor)
        gatedMatrices(&cost, width: width)
        return cost
    }

    /// Moving rows; where the kind was measured, by the larger of what is read and written.
    private func permutation(
        _ cost: inout PartCost, reads: Int, writes: Int,
        as kind: Calibration.KernelKind = .permutation
    ) {
        let most = max(reads, writes) * model.hiddenSize
        let bytes = (reads + writes) * element * model.hiddenSize / max(1, most)
        guard kernels.measured(kind, .forward, numbers: most) == nil else {
            elementwise(
                &cost.forward, numbers: most, bytesPerNumber: bytes, kernels: 2,
                as: (kind, .forward))
            elementwise(
                &cost.backwardInput, numbers: most, bytesPerNumber: bytes, kernels: 2,
                as: (kind, .backward))
            return
        }
        let numbers = (reads + writes) * model.hiddenSize
        elementwise(&cost.forward, numbers: numbers, bytesPerNumber: element, kernels: 2)
        elementwise(&cost.backwardInput, numbers: numbers, bytesPerNumber: element, kernels: 2)
    }

    private func groupedProduct(_ cost: inout PartCost, rows: Int, inputs: Int, outputs: Int) {
        let groups = max(1, model.expertCount / shape.expert)
        let each = max(1, rows / groups)
        cost.forward.work.add(expertTime(groups, each, outputs, inputs), .expertProduct)
        cost.backwardInput.work.add(expertTime(groups, each, inputs, outputs), .expertProduct)
        // The weight's gradient has one product per expert, whose inner size is the expert's rows.
        cost.backwardWeight.work.add(expertTime(groups, outputs, inputs, each), .expertProduct)
        if implementation.launchesEachExpert {
            cost.forward.work.launches += groups - 1
            cost.backwardInput.work.launches += groups - 1
            cost.backwardWeight.work.launches += groups - 1
        }
        accumulate(&cost, weights: groups * inputs * outputs)
        if model.hasFeedForwardBias, !implementation.fusesExperts {
            // One bias per expert, which no product adds, and its gradient.
            elementwise(&cost.forward, numbers: rows * outputs, bytesPerNumber: 2 * element)
            elementwise(&cost.backwardWeight, numbers: rows * outputs, bytesPerNumber: element)
        }
        guard precision == .fp8, !implementation.fusesExperts else { return }
        for _ in 0..<(implementation.launchesEachExpert ? groups : 1) {
            let share = implementation.launchesEachExpert ? each : rows
            quantise(&cost, rows: share, inputs: inputs, outputs: outputs)
        }
    }

    /// One product `[m, k] · [k, n]` for each of a rank's experts: one after the other, or in one
    /// kernel.
    private func expertTime(_ groups: Int, _ m: Int, _ n: Int, _ k: Int) -> KernelTime {
        guard implementation.launchesEachExpert else {
            let all = kernels.groupedProduct(
                rows: m * groups, groups: groups, n: n, k: k, precision: precision,
                imbalance: imbalance)
            return all.stretched(by: gpu.products(in: precision))
        }
        let one = productTime(m, n, k, precision)
        return one.stretched(by: 1 / Double(groups))
    }

    /// Dispatch and combine, and the gathering among ranks that share slices of experts.
    private func exchangeRows(_ cost: inout PartCost) {
        let once = rowExchange(gathers: true) + rowExchange(gathers: false)
        cost.forward.expert += once
        cost.backwardInput.expert += once
    }

    /// One dispatch (`gathers`) or one combine.
    package func rowExchange(gathers: Bool) -> Seconds {
        var time = Seconds.zero
        if shape.expert > 1 {
            time +=
                keptShare * imbalance
                * network.expertExchange(
                    tokens: expertTokens, hidden: model.hiddenSize, topK: model.topK,
                    bytesPerElement: Double(element), span: layout.expert,
                    fused: implementation.dispatcher == .fused)
        }
        if shape.expertTensor > 1 {
            let payload = Double(expertRows * model.hiddenSize * element)
            time += network.time(
                gathers ? .allGather : .reduceScatter, payload: payload, span: layout.expertTensor)
        }
        return time
    }
}
