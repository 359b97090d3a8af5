import CApusEngine

/// The best choices of each row, and where they stand in it.
package struct TopChoices: ~Copyable {
    /// The chosen scores, `[tokens, topK]`, greatest first; differentiable.
    package let values: Tensor
    /// Their places in the row, int64 `[tokens, topK]`.
    package let indices: Tensor
}

/// Assignments of tokens to experts, sorted by expert.
package struct ExpertOrder: ~Copyable {
    /// The assignments `token × topK + choice` in the order of their experts, int64.
    package let order: Tensor
    /// The number of assignments of each expert.
    package let counts: [Int]
}

/// Sorts the assignments `indices`, int64 `[tokens, topK]`, by expert; equal ones keep their order.
package func sortByExpert(
    _ indices: borrowing Tensor, experts: Int
) throws(EngineError) -> ExpertOrder {
    let (engine, handle) = (indices.engine, indices.handle)
    var counts = [Int64](repeating: 0, count: max(experts, 0))
    let order = try engine.tensor("sort by expert") {
        engine.table.pointee.routing_sort(handle, Int64(experts), $0, &counts, $1)
    }
    return ExpertOrder(order: order, counts: counts.map(Int.init))
}

extension Tensor {
    /// The `k` greatest of each row of the last dimension.
    package borrowing func topK(_ k: Int) throws(EngineError) -> TopChoices {
        let (engine, handle) = (engine, handle)
        var places: OpaquePointer?
        let values = try engine.tensor("top k") {
            engine.table.pointee.tensor_top_k(handle, Int64(k), $0, &places, $1)
        }
        guard let places else { throw EngineError("top k", "gave no indices") }
        return TopChoices(values: values, indices: Tensor(owning: places, engine: engine))
    }

    /// The elements of the last dimension that `indices` (int64) name.
    package borrowing func gather(_ indices: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, indices.handle)
        return try engine.tensor("gather") {
            engine.table.pointee.tensor_gather(handle, other, $0, $1)
        }
    }

    /// Multiplies rows, sorted by expert, by the transpose of each expert's weight.
    ///
    /// `[rows, in]` with weights `[experts, out, in]` gives `[rows, out]`; `counts` holds each
    /// expert's rows. An expert without rows gets a gradient of exactly zero.
    package borrowing func groupedLinear(
        _ weights: borrowing Tensor, counts: [Int]
    ) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, weights.handle)
        let sizes = counts.map(Int64.init)
        return try engine.tensor("grouped linear") {
            engine.table.pointee.tensor_grouped_linear(
                handle, other, sizes, Int64(sizes.count), $0, $1)
        }
    }

    /// The row of each assignment: `[tokens, hidden]` becomes `[tokens × topK, hidden]`.
    package borrowing func spreadRows(
        order: borrowing Tensor, topK: Int
    ) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, order.handle)
        return try engine.tensor("spread rows") {
            engine.table.pointee.rows_spread(handle, other, Int64(topK), $0, $1)
        }
    }

    /// The weighted sum of each token's rows: `[tokens × topK, hidden]` becomes `[tokens, hidden]`.
    ///
    /// Row `i` belongs to assignment `order[i]` and is weighed by that place of `weights`,
    /// `[tokens, topK]`. Differentiable in the rows and in the weights.
    package borrowing func mergeRows(
        weights: borrowing Tensor, order: borrowing Tensor
    ) throws(EngineError) -> Tensor {
        let (engine, handle, weights, order) = (engine, handle, weights.handle, order.handle)
        return try engine.tensor("merge rows") {
            engine.table.pointee.rows_merge(handle, weights, order, $0, $1)
        }
    }

    /// The rows in another order: row `i` of the result is row `order[i]`, a permutation.
    package borrowing func permuteRows(order: borrowing Tensor) throws(EngineError) -> Tensor {
        let (engine, handle, other) = (engine, handle, order.handle)
        return try engine.tensor("permute rows") {
            engine.table.pointee.rows_permute(handle, other, $0, $1)
        }
    }
}
