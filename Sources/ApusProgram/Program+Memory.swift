package import ApusBase
package import ApusPlan

/// What the ranks of a class keep from step to step.
extension Program {
    /// The weights that one rank of a stage stores.
    package func parameterCount(of programClass: ProgramClass, in model: Model) -> Int {
        model.storedParameters(
            layers: programClass.layers, isFirst: programClass.stage.index == 0,
            isLast: programClass.stage == mesh.lastStage,
            experts: 0..<(model.expertCount / mesh.degrees.expert)
        ).map(\.count).reduce(0, +)
    }

    /// Weights, gradients and Adam's two moments of one rank of a stage, each in FP32.
    package func persistentSize(of programClass: ProgramClass, in model: Model) -> Bytes {
        4 * Bytes(4 * parameterCount(of: programClass, in: model))
    }
}
