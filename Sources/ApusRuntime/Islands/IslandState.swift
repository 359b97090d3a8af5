import ApusEngine

/// What an island keeps between forward and backward: its piece of the autograd graph.
struct IslandState: ~Copyable {
    private var graph: Graph

    /// Keeps the graph that leads from `outputs` back to `inputs` and the weights between them.
    init(
        _ engine: Engine, outputs: borrowing TensorList, inputs: borrowing TensorList
    ) throws(EngineError) {
        graph = try Graph(engine, outputs: outputs, inputs: inputs)
    }

    /// Adds to the weights' gradients and returns those of the inputs, in their order.
    consuming func backward(
        _ outputGradients: borrowing TensorList
    ) throws(EngineError) -> TensorList {
        try graph.backward(outputGradients: outputGradients)
    }

    /// Returns the gradients of the inputs and keeps the factors of the weights' gradients.
    mutating func backwardInputs(
        _ outputGradients: borrowing TensorList
    ) throws(EngineError) -> TensorList {
        try graph.backwardInputs(outputGradients: outputGradients)
    }

    /// Adds to the weights' gradients what `backwardInputs` left.
    consuming func backwardWeights() throws(EngineError) {
        try graph.backwardWeights()
    }
}
