package import ApusPlan

extension Budget {
    /// A cluster size with its best strategy and what the run takes on it.
    package struct Size: Hashable, Sendable {
        package var strategy: PlannedStrategy
        package var cluster: Cluster
        package var bill: Bill
    }

    /// What the search for a size that is fast enough came to.
    package struct Sizing: Hashable, Sendable {
        /// The fewest of the nodes tried that finish in time.
        package var found: Size?
        /// The fastest of those that do not.
        package var fastest: Size?
        /// The largest of those that do not, among sizes that a strategy fits.
        package var largest: Size?
        /// The most GPUs looked at.
        package var gpusMax = 0
        /// Days on so many GPUs if all computed at their peak all the time.
        package var daysAtPeak = 0.0
    }

    /// The fewest whole nodes that finish in `days`, each with its own best strategy.
    ///
    /// Tried are powers of two and three times one. Between the first that is fast enough and the
    /// one before, each count of nodes is tried, in 32 even steps where there are more. More nodes
    /// than the batch feeds, or than the network joins well, make no run faster: after four counts
    /// in a row without gain there is no answer.
    ///
    /// Assumption: where a count of these is too slow, so is each smaller one. `onSize` hears the
    /// GPUs of each size before it is searched.
    package func sizing(
        days: Double, problem: SearchProblem, onSize: (Int) -> Void = { _ in }
    ) -> Sizing {
        var sizing = Sizing()
        var countWithoutGain = 0
        var previous = 0
        for nodes in Self.nodeCounts {
            let count = nodes * problem.cluster.gpusPerNode
            guard let cluster = problem.cluster.resized(to: count) else { break }
            let scaled = problem.on(cluster)
            sizing.gpusMax = count
            sizing.daysAtPeak = floor(scaled)
            if let size = size(scaled, days: days, onSize) {
                if size.bill.days <= days {
                    sizing.found =
                        between(previous, nodes, days: days, problem: problem, onSize) ?? size
                    return sizing
                }
                sizing.largest = size
                if size.bill.days < sizing.fastest?.bill.days ?? .infinity {
                    sizing.fastest = size
                    countWithoutGain = 0
                    previous = nodes
                    continue
                }
            }
            previous = nodes
            if sizing.fastest != nil {
                countWithoutGain += 1
                guard countWithoutGain < 4 else { break }
            }
        }
        return sizing
    }

    /// The fewest nodes that finish in time, of those between two counts.
    private func between(
        _ few: Int, _ many: Int, days: Double, problem: SearchProblem, _ onSize: (Int) -> Void
    ) -> Size? {
        let step = max(1, (many - few) / 32)
        for nodes in stride(from: few + step, to: many, by: step) {
            let cluster = problem.cluster.resized(to: nodes * problem.cluster.gpusPerNode)
            guard let cluster else { continue }
            let size = size(problem.on(cluster), days: days, onSize)
            if let size, size.bill.days <= days { return size }
        }
        return nil
    }

    /// The best strategy on a cluster; `nil` where none fits, or where no search is needed: a
    /// cluster that computes all the time at its peak is still too slow.
    private func size(_ problem: SearchProblem, days: Double, _ onSize: (Int) -> Void) -> Size? {
        guard floor(problem) <= days else { return nil }
        onSize(problem.cluster.worldSize)
        guard let best = Planner(problem).best() else { return nil }
        return Size(strategy: best, cluster: problem.cluster, bill: bill(of: best))
    }

    static let nodeCounts: [Int] = (0...13).flatMap { power in
        power == 0 ? [1] : [1 << power, 3 << (power - 1)]
    }.sorted()

    /// Days at the peak rate.
    private func floor(_ problem: SearchProblem) -> Double {
        let workload = problem.workload
        let weights = workload.lengthWeightsOrDefault
        let lengths = zip(workload.sequenceLengths, weights)
        let flops = lengths.map {
            problem.model.trainingFLOPsPerToken(length: $0) * Double($0) * $1
        }.reduce(0, +)
        let perToken = flops / lengths.map { Double($0) * $1 }.reduce(0, +)
        let peak = (problem.cluster.gpu.peakTeraFLOPs[workload.precision] ?? 0) * 1e12
        guard peak > 0 else { return 0 }
        return tokens * perToken / (peak * Double(problem.cluster.worldSize)) / 86_400
    }
}
