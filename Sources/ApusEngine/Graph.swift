import CApusEngine

/// What an island saved for its backward.
///
/// It knows where gradients enter and which inputs they reach. It does not hold the outputs, whose
/// storage may go once they were sent.
package struct Graph: ~Copyable, @unchecked Sendable {
    // Unchecked: as for `Tensor`, one value owns the handle.
    private let engine: Engine
    private let handle: OpaquePointer

    /// The graph from `inputs`, leaves that require a gradient, to `outputs`.
    package init(
        _ engine: Engine, outputs: borrowing TensorList, inputs: borrowing TensorList
    ) throws(EngineError) {
        let (outputs, inputs) = (outputs.handle, inputs.handle)
        self.engine = engine
        handle = try engine.handle("graph") {
            engine.table.pointee.graph_create(outputs, inputs, $0, $1)
        }
    }

    deinit { engine.table.pointee.graph_destroy(handle) }

    /// Runs backward from the gradients of the outputs and frees the saved state.
    ///
    /// An absent gradient takes no part. Gradients of weights are added to theirs. The result holds
    /// the gradient of each input, zeros where none arrived, and leaves the inputs without one.
    package consuming func backward(
        outputGradients: borrowing TensorList
    ) throws(EngineError) -> TensorList {
        try run(outputGradients, postponesWeights: false)
    }

    /// The same, but leaves the products that give the gradients of weights for `backwardWeights`.
    ///
    /// A weight without a gradient to add to is not left for later.
    package mutating func backwardInputs(
        outputGradients: borrowing TensorList
    ) throws(EngineError) -> TensorList {
        try run(outputGradients, postponesWeights: true)
    }

    /// Runs the products that `backwardInputs` left, in the order in which it came to them.
    package consuming func backwardWeights() throws(EngineError) {
        let (engine, handle) = (engine, handle)
        try engine.call("weight gradients") {
            engine.table.pointee.graph_backward_weights(handle, $0)
        }
    }

    private func run(
        _ outputGradients: borrowing TensorList, postponesWeights: Bool
    ) throws(EngineError) -> TensorList {
        let (engine, handle, gradients) = (engine, handle, outputGradients.handle)
        let result = try engine.handle("backward") {
            engine.table.pointee.graph_backward(
                handle, gradients, postponesWeights ? 1 : 0, $0, $1)
        }
        return TensorList(owning: result, engine: engine)
    }
}
