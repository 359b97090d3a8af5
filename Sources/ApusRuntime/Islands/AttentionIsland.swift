import ApusEngine
import ApusPlan

/// Attention and router: from hidden states to what the rest of the layer needs.
extension Islands {
    /// Runs the first island of a layer on `hidden` `[tokens, hidden]`.
    ///
    /// The outputs are the residual stream `[tokens, hidden]`, the rows for the experts
    /// `[tokens × topK, hidden]` in order of experts, and the routing weights `[tokens, topK]`.
    /// A decision that is given is used again; otherwise the router takes one and gives it back, or
    /// `experts` are taken in its place, `[tokens × topK]`. Where `mixed` `[tokens, hidden]` is
    /// given, attention was computed in slices, and this is the rest of the island.
    ///
    /// Source: Jiang et al. 2024, "Mixtral of experts", §2.1: a softmax over the top-k scores,
    /// which equals the renormalised top-k of the softmax over all.
    func attention(
        layer: Int, hidden: consuming Tensor, mixed: consuming Tensor? = nil, keepsState: Bool,
        experts: [Int64]? = nil, decision: inout RoutingDecision?
    ) throws(EngineError) -> IslandRun {
        var inputs = try TensorList(engine)
        try inputs.append(hidden)
        if let mixed { try inputs.append(mixed) }
        return try run(inputs, keepsState: keepsState) { leaves throws(EngineError) in
            let input = leaves[0]
            let attended =
                leaves.count > 1
                ? leaves[1] : try self.mix(layer, try self.inputNorm(layer, input))
            let residual = try input.plus(attended)
            let normed = try residual.rmsNorm(
                try self.weight(layer, "post_attention_layernorm.weight"),
                epsilon: self.model.rmsNormEpsilon)
            let gate = try self.weight(layer, "block_sparse_moe.gate.weight")
            let probabilities = try normed.linear(gate).softmax()
            try self.ties?.look(at: probabilities, choices: self.model.topK)
            let taken =
                if let decision { decision } else { try self.decide(probabilities, experts) }
            decision = taken
            let chosen = try probabilities.gather(taken.indices)
            let weights = try chosen.dividedBy(try chosen.sumLastDimensionKeepingIt())
            var outputs = try TensorList(self.engine)
            try outputs.append(residual)
            try outputs.append(try normed.spreadRows(order: taken.order, topK: self.model.topK))
            try outputs.append(weights)
            return outputs
        }
    }

    /// The choice of experts; it has no gradient.
    private func decide(
        _ probabilities: borrowing Tensor, _ experts: [Int64]?
    ) throws(EngineError) -> RoutingDecision {
        let indices: Tensor
        if let experts {
            indices = try engine.tensor(
                experts, shape: [experts.count / model.topK, model.topK])
        } else {
            let scores = try probabilities.detached(requiresGradient: false)
            indices = try scores.topK(model.topK).indices.alias()
        }
        let sorted = try sortByExpert(indices, experts: model.expertCount)
        return RoutingDecision(
            indices: indices, order: try sorted.order.alias(),
            countsByExpert: sorted.counts)
    }
}
