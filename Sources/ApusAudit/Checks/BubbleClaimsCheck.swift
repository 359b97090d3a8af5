import ApusBase
import ApusPlan

/// Whether claimed bubbles follow the micro-batches, and leave room for the claimed utilization.
struct BubbleClaimsCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] { constant(audit) + utilization(audit) }

    private func bubbles(_ audit: Audit) -> [(claim: Claim, low: Double, high: Double)] {
        audit.deployment.claims.filter { $0.quantity == Quantity.pipelineBubble.rawValue }
            .compactMap { claim in
                switch claim.value {
                case .number(let share): (claim, share, share)
                case .range(let low, let high): (claim, low, high)
                case .truth, .text: nil
                }
            }
    }

    /// One claimed bubble for lengths with different counts of micro-batches.
    private func constant(_ audit: Audit) -> [Diagnostic] {
        let rows = bubbles(audit).compactMap { row -> (claim: Claim, length: Int, share: Double)? in
            guard let length = row.claim.sequenceLength,
                let share = audit.quantities.measure(.pipelineBubble, at: length).number
            else { return nil }
            return (row.claim, length, share)
        }
        guard let first = rows.first, rows.allSatisfy({ $0.claim.value == first.claim.value }),
            let low = rows.map(\.share).min(), let high = rows.map(\.share).max(),
            high > 1.5 * low, let plan = audit.deployment.plan
        else { return [] }
        let details = rows.map { row in
            let batches = plan.bucket(forLength: row.length)?.microBatches ?? 0
            return "at \(row.length) tokens: \(batches) micro-batches, bubble \(percent(row.share))"
        }
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: first.claim),
                "one bubble is claimed for \(rows.count) sequence lengths, whose micro-batches "
                    + "make it \(percent(low)) to \(percent(high))", details: details)
        ]
    }

    /// Utilization claimed beyond what the claimed bubble leaves.
    private func utilization(_ audit: Audit) -> [Diagnostic] {
        let rows = bubbles(audit).compactMap { row -> (claim: Claim, used: Double, left: Double)? in
            guard
                let used = audit.figures.number(
                    .gpuUtilization, at: row.claim.sequenceLength),
                let claim = audit.figures.claim(.gpuUtilization, at: row.claim.sequenceLength),
                used > 1 - row.low
            else { return nil }
            return (claim, used, 1 - row.low)
        }
        guard let first = rows.first else { return [] }
        return [
            audit.problem(
                .claimsDisagree, audit.path(of: first.claim),
                "a utilization of \(percent(first.used)) leaves no room for the claimed bubble, "
                    + "which leaves at most \(percent(first.left))",
                details: rows.map { row in
                    "`\(row.claim.id)`: \(percent(row.used)) claimed, at most \(percent(row.left)) "
                        + "left by the claimed bubble"
                })
        ]
    }
}
