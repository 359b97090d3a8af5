import ApusBase
import ApusPlan

/// Whether claimed throughput stays below the ceiling that the claims' own FLOPs set.
struct ThroughputCeilingCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let figures = audit.figures
        let claims = audit.deployment.claims.filter {
            $0.quantity == Quantity.tokensPerMillisecond.rawValue
        }
        let beyond = claims.compactMap { claim -> (claim: Claim, value: Double, ratio: Double)? in
            guard case .number(let value) = claim.value,
                let ceiling = figures.ceiling(at: claim.sequenceLength)
            else { return nil }
            let ratio = value / ceiling.tokensPerMillisecond
            return ratio > 1 ? (claim, value, ratio) : nil
        }
        guard let first = beyond.first,
            let ceiling = figures.ceiling(at: first.claim.sequenceLength)
        else { return [] }
        let others = beyond.dropFirst().map { row in
            "`\(row.claim.id)`: \(plain(row.value)) tokens/ms is \(significant(row.ratio)) times "
                + "the ceiling"
        }
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: first.claim),
                "\(plain(first.value)) tokens/ms exceed the claims' own ceiling of "
                    + "\(significant(ceiling.tokensPerMillisecond)) tokens/ms "
                    + "\(significant(first.ratio)) times",
                details: ["ceiling of forward alone: \(ceiling.why)"] + others,
                expected: "at most \(significant(ceiling.tokensPerMillisecond / 3)) tokens/ms in "
                    + "training, which takes three times the FLOPs of forward")
        ]
    }
}
