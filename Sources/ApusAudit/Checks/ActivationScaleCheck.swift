import ApusBase
import ApusCost
import ApusPlan

/// Whether claimed activations are of the size that the layers' tensors have.
///
/// A figure in bytes for each number of a `[sequences, tokens, hidden]` tensor compares lengths and
/// batches with each other, and shows figures that were scaled by length alone.
struct ActivationScaleCheck: Check {
    /// How far a claim may be from the computed value before its scale is in doubt.
    private static let factor = 2.0

    func findings(in audit: Audit) -> [Diagnostic] {
        let rows = audit.deployment.claims.compactMap { row(of: $0, in: audit) }
        let wrong = rows.filter {
            $0.ratio > Self.factor || $0.ratio < 1 / Self.factor
        }
        guard let worst = wrong.max(by: { distance($0.ratio) < distance($1.ratio) }) else {
            return []
        }
        let details = wrong.map { row in
            "at \(row.length) tokens: \(figure(row.claimed)) GB is \(figure(row.perNumber)) bytes "
                + "per number of [\(row.sequences), \(row.length), \(row.hidden)]; the plan's "
                + "tensors are \(figure(row.computed)) GB, \(figure(row.perNumber / row.ratio)) "
                + "bytes"
        }
        return [
            audit.problem(
                .activationScale, worst.path,
                "claimed activations are \(times(worst.ratio)) what the layers' tensors need at "
                    + "\(worst.length) tokens",
                details: details + [proportion(rows)].compactMap(\.self),
                expected: "the forward's saved tensors: \(worst.why)")
        ]
    }

    private struct Row {
        var path: String
        var length: Int
        var sequences: Int
        var hidden: Int
        var bucket: Plan.Bucket
        var claimed: Double
        var computed: Double
        var why: String

        var ratio: Double { claimed / computed }
        var perNumber: Double {
            claimed * 1e9 / (Double(sequences) * Double(length) * Double(hidden))
        }
    }

    private func row(of claim: Claim, in audit: Audit) -> Row? {
        guard claim.quantity == Quantity.activationMemory.rawValue,
            let length = claim.sequenceLength, case .number(let claimed) = claim.value, claimed > 0,
            let step = audit.quantities.step(at: length)
        else { return nil }
        let measure = audit.quantities.measure(.activationMemory, at: length)
        guard let computed = measure.number, computed > 0 else { return nil }
        return Row(
            path: audit.path(of: claim), length: length,
            sequences: step.bucket.sequencesPerDataRank, hidden: step.model.hiddenSize,
            bucket: step.bucket, claimed: claimed, computed: computed, why: measure.why)
    }

    private func distance(_ ratio: Double) -> Double { max(ratio, 1 / ratio) }

    private func times(_ ratio: Double) -> String {
        ratio > 1 ? "\(figure(ratio)) times" : "1/\(figure(1 / ratio)) of"
    }

    /// Whether the claims follow the length alone although the plan's buckets differ.
    private func proportion(_ rows: [Row]) -> String? {
        guard let first = rows.first, rows.count > 1 else { return nil }
        let perToken = first.claimed / Double(first.length)
        let isProportional = rows.allSatisfy {
            isNear($0.claimed / Double($0.length), perToken, within: 0.01)
        }
        let isSame = rows.allSatisfy {
            $0.bucket.sequencesPerDataRank == first.bucket.sequencesPerDataRank
                && $0.bucket.recompute == first.bucket.recompute
                && $0.bucket.tensorParallel == first.bucket.tensorParallel
        }
        guard isProportional, !isSame else { return nil }
        let buckets = rows.map { row in
            "\(row.bucket.sequencesPerDataRank) sequences, tensor \(row.bucket.tensorParallel), "
                + "recompute \(row.bucket.recompute.rawValue)"
        }
        return "all are \(figure(perToken * 1e3)) MB × tokens, as if the plan did not change "
            + "with length: \(buckets.joined(separator: "; "))"
    }
}
