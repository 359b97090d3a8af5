import ApusBase
import ApusPlan

/// What the claims of a deployment say, so that they can be held against each other.
struct OwnFigures {
    private let deployment: Deployment

    init(_ deployment: Deployment) { self.deployment = deployment }

    /// The claim about a quantity, at a length where one is given.
    func claim(_ quantity: Quantity, at length: Int? = nil) -> Claim? {
        let own = deployment.claims.filter { $0.quantity == quantity.rawValue }
        guard let length else { return own.first }
        return own.first { $0.sequenceLength == length }
            ?? own.first { $0.sequenceLength == nil }
    }

    /// The number claimed, where it is one and positive.
    func number(_ quantity: Quantity, at length: Int? = nil) -> Double? {
        guard case .number(let number) = claim(quantity, at: length)?.value, number > 0 else {
            return nil
        }
        return number
    }

    /// The rate that the claims' own FLOPs allow one GPU, in tokens per millisecond.
    struct Ceiling {
        var tokensPerMillisecond: Double
        var why: String
    }

    /// The ceiling that follows from the claimed FLOPs of a token.
    ///
    /// Where the claimed ceiling times these FLOPs is beyond the GPU's peak rate, and a thousandth
    /// of it is not, the claim gives tokens per second for tokens per millisecond, and means the
    /// thousandth. Otherwise the ceiling is the peak rate over the FLOPs.
    func ceiling(at length: Int?) -> Ceiling? {
        let precision = deployment.workload.precision
        guard let flops = number(.flopsPerToken, at: length),
            let peak = deployment.cluster?.gpu.peakTeraFLOPs[precision]
        else { return nil }
        if let claimed = number(.tokensCeiling, at: length) {
            let rate = claimed * flops / 1e9
            if rate > peak, rate / 1000 <= peak {
                return Ceiling(
                    tokensPerMillisecond: claimed / 1000,
                    why: "\(significant(rate / 1000)) TFLOP/s ÷ \(count(flops)) = "
                        + "\(count(claimed)) tokens/s = \(significant(claimed / 1000)) tokens/ms")
            }
        }
        let ceiling = peak * 1e9 / flops
        return Ceiling(
            tokensPerMillisecond: ceiling,
            why: "\(significant(peak)) TFLOP/s ÷ \(count(flops)) = \(significant(ceiling)) "
                + "tokens/ms")
    }
}
