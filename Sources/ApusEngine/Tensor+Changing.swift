import CApusEngine

/// Changes in place. Autograd does not see them, so leaves may be changed too.
extension Tensor {
    /// Overwrites these numbers with those of `source`, converting its type.
    package borrowing func copy(from source: borrowing Tensor) throws(EngineError) {
        let (engine, handle, other) = (engine, handle, source.handle)
        try engine.call("copy") { engine.table.pointee.tensor_copy(handle, other, $0) }
    }

    package borrowing func fill(_ value: Double) throws(EngineError) {
        let (engine, handle) = (engine, handle)
        try engine.call("fill") { engine.table.pointee.tensor_fill(handle, value, $0) }
    }

    /// Draws every number from a normal distribution.
    ///
    /// The numbers depend only on the seed and the element count: not on type, device or strides.
    package borrowing func fillNormal(
        mean: Double, standardDeviation: Double, seed: UInt64
    ) throws(EngineError) {
        let (engine, handle) = (engine, handle)
        try engine.call("fill normal") {
            engine.table.pointee.tensor_fill_normal(handle, mean, standardDeviation, seed, $0)
        }
    }

    /// Adds `addend` to these numbers.
    package borrowing func accumulate(_ addend: borrowing Tensor) throws(EngineError) {
        let (engine, handle, other) = (engine, handle, addend.handle)
        try engine.call("accumulate") { engine.table.pointee.tensor_accumulate(handle, other, $0) }
    }

    package borrowing func scale(by factor: Double) throws(EngineError) {
        let (engine, handle) = (engine, handle)
        try engine.call("scale") { engine.table.pointee.tensor_scale(handle, factor, $0) }
    }

    /// Makes `gradient` the place where this leaf's gradients are added from now on.
    ///
    /// Products write straight into a contiguous one, without a temporary of the weight's size.
    package borrowing func setGradient(_ gradient: borrowing Tensor) throws(EngineError) {
        let (engine, handle, other) = (engine, handle, gradient.handle)
        try engine.call("set gradient") { engine.table.pointee.gradient_set(handle, other, $0) }
    }

    /// Takes this leaf's gradient away from it, or nil where it has none.
    package borrowing func takeGradient() throws(EngineError) -> Tensor? {
        let (engine, handle) = (engine, handle)
        var taken: OpaquePointer?
        try engine.call("take gradient") {
            engine.table.pointee.gradient_take(handle, &taken, $0)
        }
        guard let taken else { return nil }
        return Tensor(owning: taken, engine: engine)
    }
}
