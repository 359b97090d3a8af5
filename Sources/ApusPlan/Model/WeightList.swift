/// Collects stored weights one after the other.
struct WeightList {
    private(set) var parameters: [StoredParameter] = []
    /// The layer of the weights that are added.
    var layer: Int?

    mutating func add(_ name: String, _ kind: StoredParameter.Kind, _ shape: [Int]) {
        let piece = StoredParameter.Piece(name: name, offset: 0, shape: shape)
        parameters.append(
            StoredParameter(name: name, kind: kind, layer: layer, shape: shape, pieces: [piece]))
    }

    /// Adds the matrix of a projection, and its bias where it has one.
    mutating func addProjection(
        _ name: String, _ kind: StoredParameter.Kind, to outputs: Int, from inputs: Int,
        hasBias: Bool = false
    ) {
        add(name + ".weight", kind, [outputs, inputs])
        if hasBias { add(name + ".bias", kind, [outputs]) }
    }

    /// Adds weights of several experts as one tensor `[experts, weights × rows, …]`.
    ///
    /// A checkpoint has each of them by a name of its own, `<prefix><expert>.<weight>`.
    mutating func addStacked(
        _ name: String, in prefix: String, of weights: [String], shape: [Int], experts: Range<Int>
    ) {
        let count = shape.reduce(1, *)
        var pieces: [StoredParameter.Piece] = []
        for expert in experts {
            for weight in weights {
                pieces.append(
                    StoredParameter.Piece(
                        name: "\(prefix)\(expert).\(weight)", offset: pieces.count * count,
                        shape: shape))
            }
        }
        let rows = weights.count * shape[0]
        parameters.append(
            StoredParameter(
                name: prefix + name, kind: .experts, layer: layer,
                shape: [experts.count, rows] + shape.dropFirst(), pieces: pieces))
    }

    /// Adds a weight of several experts that a checkpoint stacks as well.
    mutating func addSlices(_ name: String, shape: [Int], experts: Range<Int>) {
        let count = shape.reduce(1, *)
        let pieces = experts.enumerated().map { index, expert in
            StoredParameter.Piece(name: name, offset: index * count, shape: shape, slice: expert)
        }
        parameters.append(
            StoredParameter(
                name: name, kind: .experts, layer: layer, shape: [experts.count] + shape,
                pieces: pieces))
    }
}
