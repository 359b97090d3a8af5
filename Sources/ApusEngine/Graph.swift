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
        let (engine, handle, gradients) = (engine, handle, outputGradients.handle)
        let result = try engine.handle("backward") {
            engine.table.pointee.graph_backward(handle, gradients, $0, $1)
        }
        return TensorList(owning: result, engine: engine)
    }
}
