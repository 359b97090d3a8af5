package import ApusBase
package import ApusPlan

/// Which ranks share a weight, as one rule for reduction, norm and checkpoint.
extension Mesh {
    /// The axis over whose ranks a weight's gradient is summed; it belongs to the weight.
    package func reductionAxis(of parameter: StoredParameter, in model: Model) -> Axis {
        switch parameter.kind {
        case .experts: .expertData
        case .embedding where model.tiesEmbeddings && headStage.index > 0: .embedding
        case .embedding, .attention, .router, .shared, .dense, .norms, .head: .data
        }
    }

    /// Whether `rank` is the one, of all that hold a copy of a weight, that answers for it where it
    /// must count once.
    ///
    /// A tied embedding counts on the first stage.
    package func answers(_ rank: Rank, for parameter: StoredParameter, in model: Model) -> Bool {
        group(reductionAxis(of: parameter, in: model), of: rank).first == rank
    }
}
