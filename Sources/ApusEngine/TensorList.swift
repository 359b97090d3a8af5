import CApusEngine

/// Tensors that go to the engine together; it holds handles of its own on each.
package struct TensorList: ~Copyable, @unchecked Sendable {
    // Unchecked: as for `Tensor`, one value owns the handle.
    let engine: Engine
    let handle: OpaquePointer

    package init(_ engine: Engine) throws(EngineError) {
        self.engine = engine
        handle = try engine.handle("list") { engine.table.pointee.list_create($0, $1) }
    }

    init(owning handle: OpaquePointer, engine: Engine) {
        self.engine = engine
        self.handle = handle
    }

    deinit { engine.table.pointee.list_destroy(handle) }

    package var count: Int { Int(engine.table.pointee.list_count(handle)) }

    package mutating func append(_ tensor: borrowing Tensor) throws(EngineError) {
        let (engine, handle, element) = (engine, handle, tensor.handle)
        try engine.call("append") { engine.table.pointee.list_append(handle, element, $0) }
    }

    /// Leaves this place without a tensor, as for an output that has no gradient.
    package mutating func appendAbsent() throws(EngineError) {
        let (engine, handle) = (engine, handle)
        try engine.call("append") { engine.table.pointee.list_append(handle, nil, $0) }
    }

    /// A new handle on the tensor at `index`, which must be present.
    package subscript(index: Int) -> Tensor {
        var element: OpaquePointer?
        let found: Void? = try? engine.call("list element") {
            engine.table.pointee.list_get(handle, Int64(index), &element, $0)
        }
        precondition(found != nil, "index \(index) of a list of \(count)")
        guard let element else { preconditionFailure("element \(index) is absent") }
        return Tensor(owning: element, engine: engine)
    }
}

/// The sum of squares of each tensor in FP64, added in one order for any number of threads.
package func sumsOfSquares(_ list: borrowing TensorList) throws(EngineError) -> [Double] {
    let (engine, handle) = (list.engine, list.handle)
    var sums = [Double](repeating: 0, count: list.count)
    try engine.call("sums of squares") {
        engine.table.pointee.list_sums_of_squares(handle, &sums, $0)
    }
    return sums
}

/// One step of AdamW on all parameters; `step` counts from 1.
///
/// Gradients are divided by `gradientDivisor` first, in place unless it is 1.
/// Source: Loshchilov & Hutter 2019, algorithm 2, with the decay multiplied by the learning rate.
package func adamW(
    parameters: borrowing TensorList, gradients: borrowing TensorList,
    exponentialAverages: borrowing TensorList, exponentialSquareAverages: borrowing TensorList,
    step: Int, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
    weightDecay: Double, gradientDivisor: Double
) throws(EngineError) {
    let (engine, handle, slopes) = (parameters.engine, parameters.handle, gradients.handle)
    let (averages, squares) = (exponentialAverages.handle, exponentialSquareAverages.handle)
    try engine.call("adamw") {
        engine.table.pointee.list_adamw(
            handle, slopes, averages, squares, Int64(step), learningRate, beta1, beta2, epsilon,
            weightDecay, gradientDivisor, $0)
    }
}
