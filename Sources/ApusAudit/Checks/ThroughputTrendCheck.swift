import ApusBase
import ApusCost
import ApusPlan

/// Whether claimed throughput falls with sequence length as bubbles, recomputation and attention
/// make it fall.
///
/// Assumption: kernels are as efficient at one length as at the other, as a document assumes that
/// reckons with one utilization. Short sequences may be less efficient, so this is a warning, and
/// claims that rise with the length, or whose utilization does, are left alone.
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
        let expected = max(busy, flush) * passes * flops
        guard claimed <= 1, claimed > Self.factor * expected,
            !utilizationRises(from: short.length, to: long.length, in: audit)
        else { return [] }
        let fall = min(busy, flush) * passes * flops
        return [
            audit.problem(
                .claimsDisagree, long.path, severity: .warning,
                "throughput that falls only from \(figure(short.claimed)) to "
                    + "\(figure(long.claimed)) tokens/ms contradicts the plan's bubbles and "
                    + "recomputation: at equal efficiency it falls to "
                    + figure(short.claimed * fall),
                details: [
                    "bubble \(percent(1 - short.busyOfFlush)) at \(short.length) tokens, "
                        + "\(percent(1 - long.busyOfFlush)) at \(long.length): × \(figure(flush))"
                        + (busy == flush
                            ? "" : " (× \(figure(busy)) where accumulation extends the flush)"),
                    "\(figure(short.passes)) and \(figure(long.passes)) times forward's FLOPs, "
                        + "recomputation included: × \(figure(passes))",
                    "\(count(short.flops)) and \(count(long.flops)) FLOPs of a token: × "
                        + figure(flops),
                    "otherwise kernels are \(figure(claimed / expected)) to "
                        + "\(figure(claimed / fall)) times as efficient at \(long.length) tokens "
                        + "as at \(short.length)",
                ],
                expected: "\(figure(short.claimed * fall)) to \(figure(short.claimed * expected)) "
                    + "tokens/ms at \(long.length) tokens")
        ]
    }

    private func utilizationRises(from short: Int, to long: Int, in audit: Audit) -> Bool {
        guard let before = audit.figures.number(.gpuUtilization, at: short),
            let after = audit.figures.number(.gpuUtilization, at: long)
        else { return false }
        return after > before * (1 + Audit.tolerance)
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
            busyOfFlush: busy(step.bucket.microBatchesPerFlush),
            busyOfStep: busy(step.microBatches),
            passes: step.model.trainingFLOPsPerToken(
                length: length, recompute: step.bucket.recompute) / flops, flops: flops)
    }
}
