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
    /// The layers of all chunks, from the embedding to the head.
    package var layers: [Int] { chunks.flatMap { Array($0) } }

    /// The same in words, such as `0–3 and 8–11`, without chunks that hold none.
    package var layerWords: String {
        chunks.filter { !$0.isEmpty }.map { "\($0.lowerBound)–\($0.upperBound - 1)" }
            .joined(separator: " and ")
    }

    /// The weights that a rank of the class stores, with the given ones of each layer's experts.
    package func parameters(
        of model: Model, mesh: Mesh, experts: Range<Int>
    ) -> [StoredParameter] {
        model.storedParameters(
            layers: layers, isFirst: stage.index == 0, isLast: stage == mesh.headStage,
            experts: experts)
    }

    /// The weights that one rank of the class stores; which share of the experts it holds changes
    /// no size.
    package func parameterCount(in model: Model, mesh: Mesh) -> Int {
        let experts = 0..<(model.expertCount / mesh.degrees.expert)
        return parameters(of: model, mesh: mesh, experts: experts).map(\.count).reduce(0, +)
    }
}
