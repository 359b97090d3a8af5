import func Glibc.log2
import func Glibc.pow

/// The time of one collective inside a node, by size and number of ranks.
struct CollectiveCurve: Sendable {
    /// Seconds for 2⁹ to 2²⁹ bytes, over 2, 4, 8, … ranks.
    private let times: [[Double]]
    private let collective: Collective
    private static let sizes = 21
    private static let firstSize = 9.0

    /// The measured times, with the part beyond latency stretched by `slowdown`.
    init(_ system: MeasuredCollectives.System, _ collective: Collective, slowdown: Double) {
        self.collective = collective
        let all = numbers(in: MeasuredCollectives.text(system, collective), unit: 1e-8)
        times = stride(from: 0, to: all.count, by: Self.sizes).map { start in
            all[start..<start + Self.sizes].map { all[start] + slowdown * ($0 - all[start]) }
        }
    }

    /// The time over any number of ranks: between measured numbers by interpolation, beyond them
    /// with the wire's time in proportion to the bytes per rank and the latency growing as before.
    func time(_ payload: Double, ranks: Int) -> Double {
        let level = log2(Double(ranks)) - 1
        let index = min(Int(level), times.count - 1)
        let low = time(payload, index)
        let part = level - Double(index)
        guard part > 1e-9 else { return low }
        if index + 1 < times.count {
            return low + part * (time(payload, index + 1) - low)
        }
        let last = 1 << (index + 1)
        let growth = index > 0 ? times[index][0] - times[index - 1][0] : times[index][0] / 2
        let wire =
            (low - times[index][0]) * collective.wireShare(ranks: ranks)
            / collective.wireShare(ranks: last)
        return times[index][0] + growth * part + wire
    }

    private func time(_ payload: Double, _ index: Int) -> Double {
        let curve = times[index]
        let place = log2(max(payload, 1)) - Self.firstSize
        let last = Self.sizes - 1
        if place <= 0 { return curve[0] }
        guard place < Double(last) else {
            // Beyond the largest size, at the rate of the last doubling.
            let size = pow(2, Self.firstSize + Double(last))
            return curve[last] + (payload - size) / (size / 2) * (curve[last] - curve[last - 1])
        }
        let cell = Int(place)
        // Linear in bytes within a doubling.
        let part = pow(2, place - Double(cell)) - 1
        return curve[cell] + part * (curve[cell + 1] - curve[cell])
    }
}

extension Collective {
    /// Bytes that each rank sends over bytes of the payload, at least.
    ///
    /// Source: Patarasuk & Yuan 2009, §3; nccl-tests, `doc/PERFORMANCE.md`, bus bandwidth.
    func wireShare(ranks: Int) -> Double {
        let others = Double(ranks - 1) / Double(ranks)
        return switch self {
        case .allReduce: 2 * others
        case .reduceScatter, .allGather, .allToAll: others
        case .pointToPoint: 1
        }
    }
}
