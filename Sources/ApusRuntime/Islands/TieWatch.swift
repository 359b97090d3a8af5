import ApusEngine

/// How close a router came to a tie.
///
/// At a tie rounding decides which expert a token goes to, so two layouts can be compared only
/// where no score was near one. A class because each layer of a rank adds to it; one rank's thread
/// owns it.
package final class TieWatch {
    /// The least distance between the last score that was chosen and the first that was not.
    package private(set) var distanceMin = Double.infinity

    package init() {}

    /// Looks at the scores of `[tokens, experts]` of which `choices` are taken.
    func look(at scores: borrowing Tensor, choices: Int) throws(EngineError) {
        guard scores.shape[1] > choices else { return }
        let best = try scores.detached(requiresGradient: false).topK(choices + 1)
            .values.alias().floats()
        for row in stride(from: 0, to: best.count, by: choices + 1) {
            let distance = Double(best[row + choices - 1]) - Double(best[row + choices])
            distanceMin = min(distanceMin, distance)
        }
    }
}
