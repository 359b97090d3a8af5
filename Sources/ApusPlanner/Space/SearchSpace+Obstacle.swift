package import ApusPlan

extension SearchSpace {
    /// Why degrees are no strategy at all, or `nil` where they are one.
    package func obstacle(_ degrees: Degrees) -> String? {
        let needed = degrees.worldSize
        if needed != worldSize {
            return "the degrees multiply up to \(needed) ranks, the cluster has \(worldSize)"
        }
        if degrees.pipeline > model.layerCount {
            return "\(degrees.pipeline) stages are more than the model's "
                + "\(model.layerCount) layers"
        }
        if !sequences.isMultiple(of: degrees.data) {
            return "\(degrees.data) batch replicas do not divide the batch of "
                + "\(sequences) sequences"
        }
        if !allows(tensor: degrees.tensor) {
            return "a tensor degree of \(degrees.tensor) does not divide the model's heads "
                + "(\(model.headCount), \(model.keyValueHeadCount) of keys and values) and widths"
        }
        if !allows(context: degrees.context) {
            return "a context degree of \(degrees.context) cuts sequences of "
                + "\(lengths.map(String.init).joined(separator: ", ")) tokens into uneven pieces"
        }
        return expertObstacle(degrees)
    }

    private func expertObstacle(_ degrees: Degrees) -> String? {
        guard model.hasExperts else {
            return degrees.expert * degrees.expertTensor > 1 ? "the model has no experts" : nil
        }
        if !model.expertCount.isMultiple(of: degrees.expert) {
            return "an expert degree of \(degrees.expert) does not divide "
                + "\(model.expertCount) experts"
        }
        if !model.expertHiddenSize.isMultiple(of: degrees.expertTensor) {
            return "an expert tensor degree of \(degrees.expertTensor) does not divide the "
                + "experts' width of \(model.expertHiddenSize)"
        }
        let ranks = degrees.expert * degrees.expertTensor
        if !degrees.stageSize.isMultiple(of: ranks) {
            return "\(ranks) ranks of one expert group do not divide a stage's "
                + "\(degrees.stageSize) ranks"
        }
        return nil
    }
}
