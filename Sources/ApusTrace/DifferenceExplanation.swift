import ApusBase
import ApusProgram

/// Says in plain words why instructions of one kind took another time than predicted.
struct DifferenceExplanation {
    private let pairs: [PairedInstructions.Pair]
    private let stepTime: Double
    private let ranks: Double

    init(_ pairs: [PairedInstructions.Pair], stepTime: Double, ranks: Double) {
        self.pairs = pairs
        self.stepTime = stepTime
        self.ranks = ranks
    }

    var text: String {
        let predicted = sum(\.predicted.whole)
        let measured = sum(\.measured.whole)
        let difference = measured - predicted
        let isSmall =
            difference.magnitude <= 0.05 * max(predicted, measured)
            || difference.magnitude < 0.002 * stepTime
        switch pairs.first?.instruction {
        case .wait: return isSmall ? Self.agrees : waiting
        case .start, .free:
            return isSmall
                ? Self.agrees
                : "\(Seconds(difference / count)) each on the host, which is predicted to cost "
                    + "nothing"
        case .forward, .backward, .weightBackward, .zeroGradients, .gradientNorm, .optimizerStep,
            nil:
            if isSmall { return Self.agrees }
            guard predicted > 0 else { return "predicted to cost nothing" }
            return computation(ratio: measured / predicted)
        }
    }

    private static let agrees = "as predicted"
    private var count: Double { max(1, Double(pairs.count) / ranks) }

    /// Waits are split into waiting for other ranks and the transfer's own time.
    private var waiting: String {
        let late = (predicted: sum(\.predicted.waiting), measured: sum(\.measured.waiting))
        let own = (
            predicted: sum(\.predicted.whole) - late.predicted,
            measured: sum(\.measured.whole) - late.measured
        )
        let isLate =
            (late.measured - late.predicted).magnitude
            > (own.measured - own.predicted).magnitude
        let waits = "waiting for ranks that come later \(pair(late))"
        let wire = "the transfer itself \(pair(own))"
        return isLate ? "mostly \(waits); \(wire)" : "mostly \(wire); \(waits)"
    }

    private func pair(_ times: (predicted: Double, measured: Double)) -> String {
        "\(Seconds(times.measured)) against \(Seconds(times.predicted))"
    }

    /// One ratio over all sizes is a wrong rate, one difference over all sizes a wrong latency.
    private func computation(ratio: Double) -> String {
        let factor = "\(significant(ratio)) times the prediction"
        guard isSteady else { return "\(factor), where ranks share cores" }
        let sizes = mediansBySize
        guard let least = sizes.first, let most = sizes.last, most.predicted > 1.2 * least.predicted
        else { return "\(factor); all are of one size, so rate and latency cannot be told apart" }
        let ratios = sizes.map { $0.measured / $0.predicted }
        let differences = sizes.map { $0.measured - $0.predicted }
        if variation(of: ratios) <= variation(of: differences) {
            return "\(factor) at all sizes: the rate is off"
        }
        let mean = differences.reduce(0, +) / Double(differences.count)
        let sign = mean < 0 ? "less" : "more"
        return "\(Seconds(mean.magnitude)) \(sign) each at all sizes: the latency is off"
    }

    /// Whether the same work is predicted to take the same time; where ranks share cores it is not.
    private var isSteady: Bool {
        var ranges: [Work: ClosedRange<Double>] = [:]
        for pair in pairs {
            let (work, time) = (Work(pair.instruction), pair.predicted.whole)
            let known = ranges[work] ?? time...time
            ranges[work] = min(known.lowerBound, time)...max(known.upperBound, time)
        }
        return ranges.values.allSatisfy { $0.upperBound <= 1.05 * $0.lowerBound }
    }

    /// What decides how much an instruction computes.
    private struct Work: Hashable {
        var island: Island?
        var isReplay = false

        init(_ instruction: Instruction) {
            switch instruction {
            case .forward(let run):
                island = run.island
                if case .replay = run.decision { isReplay = true }
            case .backward(let run): island = run.island
            case .weightBackward(let run): island = run.island
            case .zeroGradients, .start, .wait, .free, .gradientNorm, .optimizerStep: break
            }
        }
    }

    /// The median measured time of each predicted one, the smallest first.
    private var mediansBySize: [(predicted: Double, measured: Double)] {
        var groups: [Double: [Double]] = [:]
        for pair in pairs where pair.predicted.whole > 0 {
            groups[pair.predicted.whole, default: []].append(pair.measured.whole)
        }
        return groups.sorted { $0.key < $1.key }.map { ($0.key, median($0.value)) }
    }

    private func variation(of values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return mean == 0
            ? .infinity : (square / Double(max(1, values.count))).squareRoot() / mean.magnitude
    }

    /// The sum over a rank's instructions, in the mean over ranks.
    private func sum(_ part: (PairedInstructions.Pair) -> Double) -> Double {
        pairs.reduce(0) { $0 + part($1) } / ranks
    }
}
