import ApusBase
import ApusPlan

/// What a training run of so many tokens takes on a cluster.
package struct Budget: Hashable, Sendable {
    package var tokens: Double
    /// Of one GPU for one hour.
    package var pricePerGPUHour: Double?

    package init(tokens: Double, pricePerGPUHour: Double?) {
        self.tokens = tokens
        self.pricePerGPUHour = pricePerGPUHour
    }

    /// What the run takes at a rate.
    package struct Bill: Hashable, Sendable {
        package var gpus: Int
        package var days: Double
        package var gpuHours: Double
        package var price: Double?
    }

    package func bill(tokensPerSecond: Double, gpus: Int) -> Bill {
        let seconds = tokens / tokensPerSecond
        let hours = seconds / 3600 * Double(gpus)
        return Bill(
            gpus: gpus, days: seconds / 86_400, gpuHours: hours,
            price: pricePerGPUHour.map { $0 * hours })
    }

    /// The fewest whole nodes that finish in `days`, each with its own best strategy.
    ///
    /// Searched are counts of nodes that are powers of two or three times one; the first that is
    /// fast enough is the answer. More nodes than the batch feeds, or than the network joins well,
    /// make no run faster: after four counts in a row without gain there is no answer.
    package func smallest(
        days: Double, problem: SearchProblem
    ) -> (strategy: PlannedStrategy, problem: SearchProblem, bill: Bill)? {
        var fastest = 0.0
        var countWithoutGain = 0
        for nodes in Self.nodeCounts {
            let count = nodes * problem.cluster.gpusPerNode
            guard let cluster = problem.cluster.resized(to: count) else { break }
            let scaled = problem.on(cluster)
            // A cluster that computes all the time at its peak and is still too slow needs no
            // search.
            guard floor(scaled) <= days else { continue }
            let best = Planner(scaled).best()
            if let best, best.tokensPerSecond > fastest {
                let bill = bill(tokensPerSecond: best.tokensPerSecond, gpus: cluster.worldSize)
                if bill.days <= days { return (best, scaled, bill) }
                fastest = best.tokensPerSecond
                countWithoutGain = 0
            } else if fastest > 0 {
                countWithoutGain += 1
                guard countWithoutGain < 4 else { break }
            }
        }
        return nil
    }

    static let nodeCounts: [Int] = (0...13).flatMap { power in
        power == 0 ? [1] : [1 << power, 3 << (power - 1)]
    }.sorted()

    /// Days at the peak rate.
    private func floor(_ problem: SearchProblem) -> Double {
        let workload = problem.workload
        let weights = workload.lengthWeights ?? workload.sequenceLengths.map { _ in 1 }
        let lengths = zip(workload.sequenceLengths, weights)
        let flops = lengths.map {
            3 * problem.model.forwardFLOPsPerToken(length: $0).total * Double($0) * $1
        }.reduce(0, +)
        let perToken = flops / lengths.map { Double($0) * $1 }.reduce(0, +)
        let peak = (problem.cluster.gpu.peakTeraFLOPs[workload.precision] ?? 0) * 1e12
        guard peak > 0 else { return 0 }
        return tokens * perToken / (peak * Double(problem.cluster.worldSize)) / 86_400
    }
}
