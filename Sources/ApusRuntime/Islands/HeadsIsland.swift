import ApusEngine
import ApusPlan

/// Attention with tensor parallelism: the norm of a rank's own tokens, then its heads for the
/// tokens of the whole slice group.
extension Islands {
    /// Gives `hidden` `[tokens/tp, hidden]` itself for the residual stream, and its norm.
    func norm(
        layer: Int, hidden: consuming Tensor, keepsState: Bool
    ) throws(EngineError) -> IslandRun {
        var inputs = try TensorList(engine)
        try inputs.append(hidden)
        return try run(inputs, keepsState: keepsState) { leaves throws(EngineError) in
            var outputs = try TensorList(self.engine)
            try outputs.append(leaves[0])
            try outputs.append(try self.inputNorm(layer, leaves[0]))
            return outputs
        }
    }

    /// Runs this rank's heads on the normed states of the group, `[tokens, hidden]`, and gives
    /// their share of attention's output in the same shape: the group's shares add up to the whole.
    func heads(
        layer: Int, normed: consuming Tensor, keepsState: Bool
    ) throws(EngineError) -> IslandRun {
        var inputs = try TensorList(engine)
        try inputs.append(normed)
        return try run(inputs, keepsState: keepsState) { leaves throws(EngineError) in
            var outputs = try TensorList(self.engine)
            try outputs.append(try self.mix(layer, leaves[0]))
            return outputs
        }
    }

    /// The norm before attention, `[tokens, hidden]` to the same shape.
    func inputNorm(_ layer: Int, _ input: borrowing Tensor) throws(EngineError) -> Tensor {
        try input.rmsNorm(
            try weight(layer, "input_layernorm.weight"), epsilon: model.rmsNormEpsilon)
    }

    /// Causal self-attention with rotary positions over this rank's heads, `[tokens, hidden]` to
    /// `[tokens, hidden]`.
    func mix(_ layer: Int, _ normed: borrowing Tensor) throws(EngineError) -> Tensor {
        let queries = try heads(normed, layer, "q_proj", slice.queryHeads, of: model.headCount)
            .rotary(theta: model.ropeTheta)
        let keyHeads = slice.keyValueHeads
        let keys = try heads(normed, layer, "k_proj", keyHeads, of: model.keyValueHeadCount)
            .rotary(theta: model.ropeTheta)
        let values = try heads(normed, layer, "v_proj", keyHeads, of: model.keyValueHeadCount)
        let mixed = try queries.attention(keys: keys, values: values, causal: true)
            .contiguous().view([normed.shape[0], slice.queryHeads.count * model.headDim])
        return try mixed.linear(
            try projection(
                layer, "o_proj", dimension: 1, slice.queryHeads, of: model.headCount))
    }

    /// A projection to heads, `[tokens, hidden]` to `[sequences, length, heads, headDim]`.
    private func heads(
        _ normed: borrowing Tensor, _ layer: Int, _ name: String, _ heads: Range<Int>,
        of count: Int
    ) throws(EngineError) -> Tensor {
        let sequences = normed.shape[0] / sequenceLength
        return try normed.linear(try projection(layer, name, dimension: 0, heads, of: count))
            .view([sequences, sequenceLength, heads.count, model.headDim])
    }

    /// The rows or columns of some heads in a projection of attention.
    private func projection(
        _ layer: Int, _ name: String, dimension: Int, _ heads: Range<Int>, of count: Int
    ) throws(EngineError) -> Tensor {
        let name = "model.layers.\(layer).self_attn.\(name).weight"
        guard heads.count < count else { return try parameters.value(name) }
        return try parameters.slice(
            name, dimension: dimension, start: heads.lowerBound * model.headDim,
            count: heads.count * model.headDim)
    }
}

/// The heads that one rank of a slice group computes.
struct HeadSlice: Hashable, Sendable {
    let queryHeads: Range<Int>
    /// The keys and values that those queries attend to; where a group has more ranks than the
    /// model has such heads, several ranks compute the same ones for other queries.
    let keyValueHeads: Range<Int>

    init(_ model: Model, index: Int, of ranks: Int) {
        let share = model.headCount / ranks
        queryHeads = (index * share)..<((index + 1) * share)
        let served = model.headCount / model.keyValueHeadCount
        keyValueHeads =
            (queryHeads.lowerBound / served)..<((queryHeads.upperBound - 1) / served + 1)
    }
}
