package import ApusEngine
import ApusPlan

extension ParameterStore {
    /// The numbers of the named weights inside the stored ones, or of their gradients, as `tensor`
    /// says of each stored one.
    package func pieces(
        _ tensor: (ParameterStore, String) throws -> Tensor
    ) throws -> [String: [Float]] {
        var result: [String: [Float]] = [:]
        for parameter in parameters {
            let values = try tensor(self, parameter.name).floats()
            for piece in parameter.pieces {
                result[piece.name] = Array(values[piece.offset..<(piece.offset + piece.count)])
            }
        }
        return result
    }
}
