package import ApusBase
package import ApusPlan

extension Program {
    /// Proves what `verify()` does, and that the program's buckets are those that `model` needs.
    ///
    /// Each weight whose gradient is spread over ranks is in one bucket, on the axis of those
    /// ranks; no other weight is; and each bucket is as large as the FP32 gradients in it.
    package func verify(for model: Model) -> [Diagnostic] {
        let problems = verify()
        guard problems.isEmpty else { return problems }
        let own = LayerParts(model)
        guard parts == own else {
            let problem = "the program's layers have other parts than the model's"
            return [Diagnostic(.stepOrder, problem: problem)]
        }
        let layerCount = classes.map(\.layers.count).reduce(0, +)
        guard layerCount == model.layerCount else {
            let problem =
                "the program has \(layerCount) layers, the model has \(model.layerCount)"
            return [Diagnostic(.stepOrder, problem: problem)]
        }
        return classes.flatMap { BucketChecker($0, in: self, model).problems }
    }
}

/// Compares the buckets of a class with the weights that its ranks hold.
///
/// It runs on programs whose buckets name no weight twice.
private struct BucketChecker {
    let programClass: ProgramClass
    let mesh: Mesh
    let model: Model
    let held: [StoredParameter]

    init(_ programClass: ProgramClass, in program: Program, _ model: Model) {
        self.programClass = programClass
        mesh = program.mesh
        self.model = model
        // Which share of the experts a rank holds changes no size.
        held = programClass.parameters(
            of: model, mesh: mesh, experts: 0..<(model.expertCount / mesh.degrees.expert))
    }

    /// What is wrong, by weight and then by bucket.
    var problems: [Diagnostic] {
        let names = Set(held.map(\.name))
        let strange = programClass.buckets.flatMap(\.parameters).filter { !names.contains($0) }
        return held.compactMap(problem)
            + strange.map { diagnostic(.stepOrder, "reduces `\($0)`, which it does not hold") }
            + programClass.buckets.indices.compactMap(sizeProblem)
    }

    private func problem(with parameter: StoredParameter) -> Diagnostic? {
        let axis = mesh.reductionAxis(of: parameter, in: model)
        let isSpread = mesh.size(of: axis) > 1
        let bucket = programClass.buckets.first { $0.parameters.contains(parameter.name) }
        let weight = "`\(parameter.name)`"
        guard let bucket else {
            let what = "does not reduce \(weight) over `\(axis.rawValue)`"
            return isSpread ? diagnostic(.stepOrder, what) : nil
        }
        guard isSpread else {
            return diagnostic(.stepOrder, "reduces \(weight), which no two ranks share")
        }
        guard bucket.axis != axis else { return nil }
        return diagnostic(
            .stepOrder,
            "reduces \(weight) over `\(bucket.axis.rawValue)`, its copies lie on "
                + "`\(axis.rawValue)`")
    }

    private func sizeProblem(ofBucket index: Int) -> Diagnostic? {
        let bucket = programClass.buckets[index]
        let elements = held.filter { bucket.parameters.contains($0.name) }.map(\.count)
        let size = Bytes(4 * elements.reduce(0, +))
        guard size != bucket.size else { return nil }
        return diagnostic(
            .transferMismatch,
            "gives bucket b\(index) \(bucket.size.count)B, its weights have \(size.count)B")
    }

    private func diagnostic(_ code: DiagnosticCode, _ what: String) -> Diagnostic {
        Diagnostic(code, problem: "stage \(programClass.stage) \(what)")
    }
}
