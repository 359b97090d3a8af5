package import ApusBase
import ApusCost

/// Where the time of a strategy's steps goes, in the parts in which strategies differ.
package struct TimeParts: Hashable, Sendable {
    package struct Part: Hashable, Sendable {
        package var name: String
        package var time: Seconds
    }

    /// They add up to the step time.
    package let parts: [Part]

    package init(_ strategy: PlannedStrategy) {
        var times: [String: Double] = [:]
        for length in strategy.lengths {
            let prediction = length.prediction
            for part in prediction.breakdown.parts {
                times[part.name, default: 0] += length.weight * part.time.count
            }
            // Recomputation is part of the products; here it is a part of its own.
            let again = prediction.stages.map(\.recomputation.count).max() ?? 0
            let time = length.weight * again * Double(length.step.microBatches)
            times["recomputation", default: 0] += time
            times["products", default: 0] -= time
        }
        func sum(_ names: String...) -> Seconds {
            Seconds(names.map { times[$0] ?? 0 }.reduce(0, +))
        }
        parts = [
            Part(
                name: "computation",
                time: sum("products", "expert_products", "attention", "elementwise")),
            Part(name: "recomputation", time: sum("recomputation")),
            Part(name: "launches", time: sum("host")),
            Part(name: "tensor communication", time: sum("tensor")),
            Part(name: "context communication", time: sum("context")),
            Part(name: "expert communication", time: sum("expert")),
            Part(name: "pipeline communication", time: sum("pipeline")),
            Part(name: "data communication", time: sum("data")),
            Part(name: "bubble", time: sum("bubble")),
            Part(name: "optimizer", time: sum("optimizer")),
            Part(name: "overhead", time: sum("overhead")),
        ]
    }

    /// The parts by their share of the step, largest first, leaving out those below `least`.
    package func shares(least: Double = 0.01) -> [(name: String, share: Double)] {
        let total = parts.map(\.time.count).reduce(0, +)
        guard total > 0 else { return [] }
        return parts.map { ($0.name, $0.time.count / total) }.filter { $0.1 >= least }
            .sorted { $0.1 > $1.1 }
    }

    /// What makes the other's steps longer or shorter, as shares of this one's, largest first.
    package func differences(
        to other: TimeParts, least: Double = 0.002
    ) -> [(name: String, share: Double)] {
        let total = parts.map(\.time.count).reduce(0, +)
        guard total > 0 else { return [] }
        return zip(parts, other.parts)
            .map { ($0.name, ($1.time - $0.time).count / total) }
            .filter { abs($0.1) >= least }
            .sorted { abs($0.1) > abs($1.1) }
    }
}
