import CApusEngine

/// Differentiable operations; autograd records them while gradients are recorded on this thread.
///
/// The shapes use the words of `docs/shapes.md`.
extension Tensor {
    /// Adds elementwise, spreading dimensions of size 1.
    package borrowing func plus(_ other: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, right) = (engine, handle, other.handle)
        return try engine.tensor("plus") { engine.table.pointee.tensor_add(handle, right, $0, $1) }
    }

    /// Multiplies elementwise, spreading dimensions of size 1.
    package borrowing func times(_ other: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, right) = (engine, handle, other.handle)
        return try engine.tensor("times") {
            engine.table.pointee.tensor_multiply(handle, right, $0, $1)
        }
    }

    /// Divides elementwise, spreading dimensions of size 1.
    package borrowing func dividedBy(_ other: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, right) = (engine, handle, other.handle)
        return try engine.tensor("divided by") {
            engine.table.pointee.tensor_divide(handle, right, $0, $1)
        }
    }

    /// Adds up the last dimension, which stays with size 1.
    package borrowing func sumLastDimensionKeepingIt() throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("sum") { engine.table.pointee.tensor_sum_last(handle, $0, $1) }
    }

    /// Multiplies `[.., in]` by the transpose of `weight`, `[out, in]`, giving `[.., out]`.
    package borrowing func linear(_ weight: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, weight.handle)
        return try engine.tensor("linear") {
            engine.table.pointee.tensor_linear(handle, other, $0, $1)
        }
    }

    /// The logits `[tokens, vocab]` of `[tokens, hidden]` under a head `[vocab, hidden]`.
    package borrowing func logits(_ weight: borrowing Tensor) throws(EngineError) -> Tensor {
        try linear(weight)
    }

    /// Divides each row of `[.., hidden]` by its root mean square and multiplies by `weight`.
    ///
    /// Source: Zhang & Sennrich 2019, eq. 4, with `epsilon` inside the root as in Hugging Face.
    package borrowing func rmsNorm(
        _ weight: borrowing Tensor, epsilon: Double
    ) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, weight.handle)
        return try engine.tensor("rms norm") {
            engine.table.pointee.tensor_rms_norm(handle, other, epsilon, $0, $1)
        }
    }

    /// Turns each head of `[batch, length, heads, headDim]` by the angle of its position from 0.
    ///
    /// Halves are paired as in Hugging Face's `rotate_half`. Source: Su et al. 2021, eq. 34.
    package borrowing func rotary(theta: Double) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("rotary") {
            engine.table.pointee.tensor_rotary(handle, theta, $0, $1)
        }
    }

    /// Attention of these queries, `[batch, length, heads, headDim]`, to keys and values.
    ///
    /// Keys and values may have fewer heads, each then serving `heads / keyHeads` query heads in a
    /// row. The result is `[batch, length, heads, headDim]`.
    package borrowing func attention(
        keys: borrowing Tensor, values: borrowing Tensor, causal: Bool
    ) throws(EngineError) -> Tensor {
        let (engine, handle, keys, values) = (engine, handle, keys.handle, values.handle)
        return try engine.tensor("attention") {
            engine.table.pointee.tensor_attention(handle, keys, values, causal ? 1 : 0, $0, $1)
        }
    }

    /// Maps rows `[.., 2 × width]` to `silu(first half) × second half`, `[.., width]`.
    package borrowing func gatedSiLU() throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("gated silu") {
            engine.table.pointee.tensor_gated_silu(handle, $0, $1)
        }
    }

    /// Softmax over the last dimension, in FP32 at least.
    package borrowing func softmax() throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("softmax") { engine.table.pointee.tensor_softmax(handle, $0, $1) }
    }

    /// Looks up `tokens` (int64, `[..]`) in this weight, `[vocab, hidden]`, giving `[.., hidden]`.
    package borrowing func embedding(_ tokens: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, tokens.handle)
        return try engine.tensor("embedding") {
            engine.table.pointee.tensor_embedding(handle, other, $0, $1)
        }
    }

    /// The scalar `scale × Σ cross-entropy` of `[tokens, hidden]` under a head `[vocab, hidden]`.
    ///
    /// The logits exist for one of `chunks` parts of the tokens at a time. While gradients are
    /// recorded it keeps `tokens × hidden + vocab × min(tokens, hidden)` numbers for backward.
    package borrowing func headLoss(
        _ weight: borrowing Tensor, targets: borrowing Tensor, scale: Double, chunks: Int
    ) throws(EngineError) -> Tensor {
        let (engine, handle, head, targets) = (engine, handle, weight.handle, targets.handle)
        return try engine.tensor("head loss") {
            engine.table.pointee.tensor_head_loss(
                handle, head, targets, scale, Int64(chunks), $0, $1)
        }
    }
}
