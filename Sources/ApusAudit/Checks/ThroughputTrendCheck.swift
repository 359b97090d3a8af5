import ApusBase
import ApusCost
import ApusPlan

/// Whether claimed throughput falls with sequence length as bubbles, recomputation and attention
/// make it fall.
struct ThroughputTrendCheck: Check {
    /// How much of the expected fall may be missing before it is a contradiction.
    private static let factor = 1.5

    func findings(in audit: Audit) -> [Diagnostic] {
        let rows = audit.deployment.claims.compactMap { row(of: $0, in: audit) }
        guard let short = rows.min(by: { $0.length < $1.length }),
            let long = rows.max(by: { $0.length < $1.length }), short.length < long.length
        else { return [] }
        let claimed = long.claimed / short.claimed
        let busy = long.busyOfStep / short.busyOfStep
        let flush = long.busyOfFlush / short.busyOfFlush
        let passes = short.passes / long.passes
        let flops = short.flops / long.flops
        let expected = busy * passes * flops
        guard claimed > Self.factor * expected else { return [] }
        let fall = flush * passes * flops
        return [
            audit.problem(
                .claimsDisagree, long.path,
                "throughput that falls only from \(plain(short.claimed)) to \(plain(long.claimed)) "
                    + "tokens/ms contradicts the plan's bubbles and recomputation: at equal "
                    + "efficiency it falls to \(significant(short.claimed * fall))",
                details: [
                    "bubble \(percent(1 - short.busyOfFlush)) at \(short.length) tokens, "
                        + "\(percent(1 - long.busyOfFlush)) at \(long.length): × "
                        + "\(significant(flush)) (× \(significant(busy)) where accumulation keeps "
                        + "the pipeline full)",
                    "\(plain(short.passes)) and \(plain(long.passes)) passes of forward's FLOPs, recomputation "
                        + "included: × \(significant(passes))",
                    "\(count(short.flops)) and \(count(long.flops)) FLOPs of a token: × "
                        + "\(significant(flops))",
                ],
                expected: "\(significant(short.claimed * fall)) to "
                    + "\(significant(short.claimed * expected)) tokens/ms at \(long.length) tokens")
        ]
    }

    private struct Row {
        var path: String
        var length: Int
        var claimed: Double
        /// The share without bubble, of one flush and of the whole step.
        var busyOfFlush: Double
        var busyOfStep: Double
        /// Training FLOPs over those of forward.
        var passes: Double
        var flops: Double
    }

    private func row(of claim: Claim, in audit: Audit) -> Row? {
        guard claim.quantity == Quantity.tokensPerMillisecond.rawValue,
            let length = claim.sequenceLength, case .number(let claimed) = claim.value, claimed > 0,
            let step = audit.quantities.step(at: length)
        else { return nil }
        func busy(_ batches: Int) -> Double {
            1 - step.plan.bubbleAtEqualCosts(microBatches: batches)
        }
        let flops = step.model.forwardFLOPsPerToken(length: length).total
        return Row(
            path: audit.path(of: claim), length: length, claimed: claimed,
            busyOfFlush: busy(min(step.bucket.microBatches, step.bucket.sequencesPerDataRank)),
            busyOfStep: busy(step.microBatches),
            passes: step.model.trainingFLOPsPerToken(
                length: length, recompute: step.bucket.recompute) / flops, flops: flops)
    }
}
