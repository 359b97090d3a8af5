import ApusBase
import ApusPlan

/// How the parts of each island are corrected to what the runtime was measured to take for it.
struct IslandCorrections: Sendable {
    struct Passes: Sendable {
        var forward: IslandCorrection?
        var backwardInput: IslandCorrection?
        var backwardWeight: IslandCorrection?
    }

    var embedding: Passes
    /// Of all parts of attention and router, also where tensor parallelism cuts between them.
    var attention: Passes
    var experts: Passes
    var residual: Passes
    var head: Passes
}

extension LayerPricer {
    /// The pricer whose islands take the time that was measured of them.
    ///
    /// A part of an island, and an island in tensor slices, changes in the ratio of the whole one.
    /// Where backward `splitsBackward`, its halves count, which take longer than the whole of it.
    func corrected(by islands: CalibratedIslands, splitsBackward: Bool) -> LayerPricer {
        var plain = self
        plain.corrections = nil
        func passes(_ kind: Calibration.IslandKind) -> IslandCorrections.Passes {
            plain.passes(kind, islands, splitsBackward)
        }
        var result = self
        result.corrections = IslandCorrections(
            embedding: passes(.embedding), attention: passes(.attention),
            experts: passes(.experts), residual: passes(.residual), head: passes(.head))
        return result
    }

    private func passes(
        _ kind: Calibration.IslandKind, _ islands: CalibratedIslands, _ splitsBackward: Bool
    ) -> IslandCorrections.Passes {
        let isExperts = kind == .experts
        // Experts take as long as their rows let them, wherever these come from.
        let tokens =
            isExperts ? Double(expertRows) / Double(max(1, model.topK)) : Double(shape.tokens)
        let experts = isExperts ? max(1, model.expertCount / shape.expert) : nil
        func correction(
            _ pass: Calibration.IslandPass, _ kernels: (PartCost) -> Work
        ) -> IslandCorrection? {
            islands.correction(
                kind, pass, tokens: tokens, length: shape.length, experts: experts
            ) { point in
                kernels(at(point).sum(of: kind)).time.count
            }
        }
        var result = IslandCorrections.Passes()
        result.forward = correction(.forward) { $0.forward.work }
        if splitsBackward,
            let inputs = correction(.backwardInputs, { $0.backwardInput.work }),
            let weights = correction(.backwardWeights, { $0.backwardWeight.work })
        {
            (result.backwardInput, result.backwardWeight) = (inputs, weights)
            return result
        }
        let whole = correction(.backward) { $0.backwardInput.work + $0.backwardWeight.work }
        result.backwardInput = whole
        // A sum without kernels is set once.
        result.backwardWeight = whole.map { whole in
            var weights = whole
            weights.constant = 0
            return weights
        }
        return result
    }

    /// The same pricer at a size that was measured, on one rank of its own.
    private func at(_ point: Calibration.Island) -> LayerPricer {
        var other = self
        let expert = point.experts.map { max(1, model.expertCount / $0) } ?? 1
        other.shape = MicroBatchShape(
            sequences: point.sequences, length: point.length, degrees: Degrees(expert: expert),
            isSequenceParallel: false)
        other.keptShare = 1
        other.imbalance = 1
        return other
    }

    private func sum(of kind: Calibration.IslandKind) -> PartCost {
        switch kind {
        case .embedding: embedding()
        case .attention: attentionNorm() + heads() + attentionResidual() + router()
        case .experts: routedExperts()
        case .residual: combination()
        case .head: head()
        }
    }
}

extension PartCost {
    /// The cost with the time that was measured, of a part that recomputes nothing yet.
    func corrected(by passes: IslandCorrections.Passes?) -> PartCost {
        guard let passes else { return self }
        var result = self
        result.forward.work.correct(by: passes.forward)
        result.backwardInput.work.correct(by: passes.backwardInput)
        result.backwardWeight.work.correct(by: passes.backwardWeight)
        return result
    }
}
