import ApusEngine
import ApusPlan
import ApusProgram

/// The model's islands as computations on tensors, over the weights of one rank.
///
/// Nothing here knows of other ranks. Each island takes detached inputs, so its piece of the
/// autograd graph ends where it ends.
struct Islands {
    let engine: Engine
    let model: Model
    let parameters: ParameterStore
    let sequenceLength: Int
    /// The heads of attention that this rank computes.
    let slice: HeadSlice
    /// Looks at the routers' scores, where somebody wants to know about ties.
    var ties: TieWatch?
}

/// What an island's forward run gives.
struct IslandRun: ~Copyable {
    /// Detached from the graph, for the slots.
    var outputs: TensorList
    /// `nil` where the run was not asked to keep one.
    var state: IslandState?
}

extension Islands {
    /// Runs `body` on detached inputs and keeps the graph if `keepsState`.
    func run(
        _ inputs: borrowing TensorList, keepsState: Bool,
        _ body: (borrowing TensorList) throws(EngineError) -> TensorList
    ) throws(EngineError) -> IslandRun {
        var leaves = try TensorList(engine)
        for index in 0..<inputs.count {
            let leaf = try inputs[index].detached(requiresGradient: keepsState)
            try leaves.append(leaf)
        }
        let results = try engine.recordingGradients(keepsState) { () throws(EngineError) in
            try body(leaves)
        }
        var outputs = try TensorList(engine)
        for index in 0..<results.count {
            try outputs.append(try results[index].detached(requiresGradient: false))
        }
        guard keepsState else { return IslandRun(outputs: outputs, state: nil) }
        let state = try IslandState(engine, outputs: results, inputs: leaves)
        return IslandRun(outputs: outputs, state: state)
    }

    func weight(_ layer: Int, _ name: String) throws(EngineError) -> Tensor {
        try parameters.value("model.layers.\(layer).\(name)")
    }
}
