import ApusBase
import ApusPlan

/// Whether a claimed time to the first token and a claimed throughput can both be true.
///
/// One GPU alone, at the claimed rate of training, would have passed the request's tokens long
/// before: forward is a third of training, and the plan has more ranks than one.
struct FirstTokenCheck: Check {
    /// What latency may add; beyond it the two claims speak of different machines.
    private static let factor = 10.0

    func findings(in audit: Audit) -> [Diagnostic] {
        let rows = audit.deployment.claims.compactMap { row(of: $0, in: audit) }
        guard let worst = rows.max(by: { $0.ratio < $1.ratio }) else { return [] }
        return [
            audit.problem(
                .claimsDisagree, worst.path,
                "a first token after \(plain(worst.time)) s and \(plain(worst.rate)) tokens/ms on "
                    + "a GPU cannot both be true: one GPU passes \(worst.length) tokens in "
                    + "\(Seconds(worst.alone)) at that rate",
                details: rows.map { row in
                    "at \(row.length) tokens: \(row.length) ÷ \(plain(row.rate)) tokens/ms = "
                        + "\(Seconds(row.alone)), training; the claim is "
                        + "\(significant(row.ratio)) times that"
                },
                expected: "forward of one request takes a third of that at most, unless it queues")
        ]
    }

    private struct Row {
        var path: String
        var length: Int
        var time: Double
        var rate: Double
        /// Seconds that one GPU needs for the tokens at the claimed rate.
        var alone: Double { Double(length) / (rate * 1e3) }
        var ratio: Double { time / alone }
    }

    private func row(of claim: Claim, in audit: Audit) -> Row? {
        guard claim.quantity == Quantity.timeToFirstToken.rawValue,
            let length = claim.sequenceLength, case .number(let time) = claim.value,
            let rate = audit.figures.number(.tokensPerMillisecond, at: length)
        else { return nil }
        let row = Row(path: audit.path(of: claim), length: length, time: time, rate: rate)
        return row.ratio > Self.factor ? row : nil
    }
}
