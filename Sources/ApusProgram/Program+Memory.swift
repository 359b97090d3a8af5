package import ApusBase
package import ApusPlan

/// What the ranks of a class keep from step to step.
extension Program {
    /// The weights that one rank of a stage stores.
    package func parameterCount(of programClass: ProgramClass, in model: Model) -> Int {
        programClass.parameterCount(in: model, mesh: mesh)
    }

    /// Weights, gradients and Adam's two moments of one rank of a stage, each in FP32.
    package func persistentSize(of programClass: ProgramClass, in model: Model) -> Bytes {
        4 * Bytes(4 * parameterCount(of: programClass, in: model))
    }
}

extension ProgramClass {
    /// The weights that one rank of the class stores.
    package func parameterCount(in model: Model, mesh: Mesh) -> Int {
        model.storedParameters(
            layers: layers, isFirst: stage.index == 0, isLast: stage == mesh.lastStage,
            experts: 0..<(model.expertCount / mesh.degrees.expert)
        ).map(\.count).reduce(0, +)
    }
}
