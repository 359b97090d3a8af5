import ApusEngine
import ApusPlan

/// The experts of a layer, and the sum that ends it.
extension Islands {
    /// Runs the local experts on `rows` `[arrivals, hidden]`, in order of source ranks, and returns
    /// their results in the same order.
    ///
    /// Each expert is `w2 · (silu(w1 · x) ∘ (w3 · x))`.
    func experts(
        layer: Int, rows: consuming Tensor, keepsState: Bool, decision: RoutingDecision
    ) throws(EngineError) -> IslandRun {
        var inputs = try TensorList(engine)
        try inputs.append(rows)
        return try run(inputs, keepsState: keepsState) { leaves throws(EngineError) in
            var outputs = try TensorList(self.engine)
            guard let order = decision.expertOrder else {
                try outputs.append(try self.gatedExperts(layer, leaves[0], decision))
                return outputs
            }
            let byExpert = try self.engine.tensor(order, shape: [order.count])
            let bySource = try self.engine.tensor(inverse(order), shape: [order.count])
            let sorted = try leaves[0].permuteRows(order: byExpert)
            let results = try self.gatedExperts(layer, sorted, decision)
            try outputs.append(try results.permuteRows(order: bySource))
            return outputs
        }
    }

    /// Adds the experts' weighted results to the residual stream, `[tokens, hidden]`.
    func residual(
        residual: consuming Tensor, returned: consuming Tensor, weights: consuming Tensor,
        keepsState: Bool, decision: RoutingDecision
    ) throws(EngineError) -> IslandRun {
        var inputs = try TensorList(engine)
        try inputs.append(residual)
        try inputs.append(returned)
        try inputs.append(weights)
        return try run(inputs, keepsState: keepsState) { leaves throws(EngineError) in
            let merged = try leaves[1].mergeRows(
                weights: leaves[2], order: decision.order)
            var outputs = try TensorList(self.engine)
            try outputs.append(try leaves[0].plus(merged))
            return outputs
        }
    }

    private func gatedExperts(
        _ layer: Int, _ rows: borrowing Tensor, _ decision: RoutingDecision
    ) throws(EngineError) -> Tensor {
        let counts = decision.arrivalsByExpert
        let gateAndUp = try weight(layer, "block_sparse_moe.experts.w1w3")
        let down = try weight(layer, "block_sparse_moe.experts.w2")
        return try rows.groupedLinear(gateAndUp, counts: counts).gatedSiLU()
            .groupedLinear(down, counts: counts)
    }
}

/// The permutation that undoes `order`.
private func inverse(_ order: [Int64]) -> [Int64] {
    var result = [Int64](repeating: 0, count: order.count)
    for (position, source) in order.enumerated() { result[Int(source)] = Int64(position) }
    return result
}
