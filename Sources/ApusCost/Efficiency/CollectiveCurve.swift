import ApusPlan

import func Glibc.log2
import func Glibc.pow

/// The time of one collective inside a node, by size and number of ranks.
struct CollectiveCurve: Sendable {
    /// Seconds for 2⁹ to 2²⁹ bytes, over 2, 4, 8, … ranks.
    private let times: [[Double]]
    private let collective: Collective
    /// The bytes that a payload of one byte counts as in the table.
    private let scale: Double
    private static let sizes = 21
    private static let firstSize = 9.0

    /// The measured times, with the part beyond latency stretched by `slowdown`.
    init(_ system: MeasuredCollectives.System, _ collective: Collective, slowdown: Double) {
        self.collective = collective
        // A message to one neighbour is half of an exchange between two.
        scale = collective == .pointToPoint ? 2 : 1
        let all = numbers(in: MeasuredCollectives.text(system, collective), unit: 1e-8)
        times = stride(from: 0, to: all.count, by: Self.sizes).map { start in
            all[start..<start + Self.sizes].map { all[start] + slowdown * ($0 - all[start]) }
        }
    }

    /// The times of a cluster's own measurements, by number of ranks.
    ///
    /// Where a power of two was not measured, it has the time between those beside it, and fewer
    /// ranks than any that were measured take their share of the wire.
    init(_ measured: [(ranks: Int, curve: MeasuredCurve)], _ collective: Collective) {
        self.collective = collective
        scale = 1
        let sorted = measured.sorted { $0.ranks < $1.ranks }
        let levels = max(1, Int(log2(Double(sorted.last?.ranks ?? 2)).rounded(.up)))
        times = (1...levels).map { level in
            let ranks = 1 << level
            return (0..<Self.sizes).map { step in
                let size = pow(2, Self.firstSize + Double(step))
                return Self.time(size, ranks: ranks, sorted, collective)
            }
        }
    }

    /// Between measured numbers of ranks straight in logarithms.
    private static func time(
        _ size: Double, ranks: Int, _ sorted: [(ranks: Int, curve: MeasuredCurve)],
        _ collective: Collective
    ) -> Double {
        guard let after = sorted.firstIndex(where: { $0.ranks >= ranks }) else {
            guard let last = sorted.last else { return 0 }
            return last.curve.time(size) * collective.wireShare(ranks: ranks)
                / collective.wireShare(ranks: last.ranks)
        }
        let high = sorted[after]
        if high.ranks == ranks { return high.curve.time(size) }
        guard after > 0 else {
            let wire = high.curve.time(size) - high.curve.least
            return high.curve.least + wire * collective.wireShare(ranks: ranks)
                / collective.wireShare(ranks: high.ranks)
        }
        let low = sorted[after - 1]
        let part =
            log2(Double(ranks) / Double(low.ranks))
            / log2(Double(high.ranks) / Double(low.ranks))
        let (first, second) = (low.curve.time(size), high.curve.time(size))
        return first * pow(second / first, part)
    }

    /// The time over any number of ranks: between measured numbers by interpolation, beyond them
    /// with the wire's time in proportion to the bytes per rank and the latency growing as before.
    func time(_ bytes: Double, ranks: Int) -> Double {
        let payload = scale * bytes
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
