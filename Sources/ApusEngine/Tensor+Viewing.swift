import CApusEngine

extension Tensor {
    /// A second handle on the same numbers, with the same place in the autograd graph.
    package borrowing func alias() throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("alias") { engine.table.pointee.tensor_alias(handle, $0, $1) }
    }

    /// A copy of the numbers.
    package borrowing func clone() throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("clone") { engine.table.pointee.tensor_clone(handle, $0, $1) }
    }

    /// A leaf on the same numbers: gradients stop here, and gather here if it requires one.
    package borrowing func detached(requiresGradient: Bool) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("detached") {
            engine.table.pointee.tensor_detach(handle, requiresGradient ? 1 : 0, $0, $1)
        }
    }

    /// The same numbers in another shape of equal size.
    package borrowing func view(_ shape: [Int]) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        let sizes = shape.map(Int64.init)
        return try engine.tensor("view") {
            engine.table.pointee.tensor_view(handle, sizes, Int64(sizes.count), $0, $1)
        }
    }

    /// The part `start ..< start + count` of one dimension, on the same numbers.
    package borrowing func narrow(
        dimension: Int, start: Int, count: Int
    ) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("narrow") {
            engine.table.pointee.tensor_narrow(
                handle, Int64(dimension), Int64(start), Int64(count), $0, $1)
        }
    }

    /// One index of one dimension, without that dimension, on the same numbers.
    package borrowing func select(dimension: Int, index: Int) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("select") {
            engine.table.pointee.tensor_select(handle, Int64(dimension), Int64(index), $0, $1)
        }
    }

    /// The same numbers with two dimensions exchanged.
    package borrowing func transposed(_ first: Int, _ second: Int) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("transposed") {
            engine.table.pointee.tensor_transpose(handle, Int64(first), Int64(second), $0, $1)
        }
    }

    /// The numbers in row-major order in memory: an alias where they already are, else a copy.
    package borrowing func contiguous() throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("contiguous") {
            engine.table.pointee.tensor_contiguous(handle, $0, $1)
        }
    }

    /// The numbers in another type: an alias where they already have it, else a copy.
    package borrowing func converted(to type: ElementType) throws(EngineError) -> Tensor {
        let (engine, handle) = (engine, handle)
        return try engine.tensor("converted") {
            engine.table.pointee.tensor_convert(handle, type.rawValue, $0, $1)
        }
    }
}
