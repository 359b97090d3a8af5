import ApusBase
import ApusPlan
import ApusPlanner
import ArgumentParser

/// What a sweep changes, with the values that it gets.
enum PlanSweepAxis: ExpressibleByArgument {
    case gpus([Int])
    /// Factors of the network's bandwidth.
    case bandwidth([Double])

    static let countMax = 32
    static let factors = 1e-3...1e3

    init?(argument: String) {
        let pair = argument.split(separator: "=", maxSplits: 1).map(String.init)
        guard pair.count == 2 else { return nil }
        let texts = pair[1].split(separator: ",", omittingEmptySubsequences: false)
        guard texts.count <= Self.countMax else { return nil }
        switch pair[0] {
        case "gpus":
            let counts = texts.compactMap { Int($0) }
            guard counts.count == texts.count, counts.allSatisfy(FileSchema.ranks.contains) else {
                return nil
            }
            self = .gpus(counts)
        case "cluster.bandwidth":
            let factors = texts.compactMap { Double($0) }
            guard factors.count == texts.count, factors.allSatisfy(Self.factors.contains) else {
                return nil
            }
            self = .bandwidth(factors)
        default: return nil
        }
    }

    var name: String {
        switch self {
        case .gpus: "gpus"
        case .bandwidth: "cluster.bandwidth"
        }
    }

    /// One value, and the best plan for it.
    struct Point {
        var value: Double
        var cluster: Cluster
        /// `nil` where nothing fits.
        var strategy: PlannedStrategy?
    }

    /// Searches a plan for each value; `onPoint` hears of each size before.
    func points(of request: PlanRequest, onPoint: (Int) -> Void) throws(Problems) -> [Point] {
        let problem = request.problem
        return try clusters(request.cluster).map { value, cluster in
            onPoint(cluster.worldSize)
            return Point(
                value: value, cluster: cluster, strategy: Planner(problem.on(cluster)).best())
        }
    }

    private func clusters(_ cluster: Cluster) throws(Problems) -> [(Double, Cluster)] {
        switch self {
        case .bandwidth(let factors):
            return factors.map { ($0, cluster.scalingNetwork(by: $0)) }
        case .gpus(let counts):
            var result: [(Double, Cluster)] = []
            var problems: [Diagnostic] = []
            for count in counts {
                if let resized = cluster.resized(to: count) {
                    result.append((Double(count), resized))
                } else {
                    problems.append(
                        Diagnostic(
                            .worldSize, path: "--sweep",
                            problem: "`--sweep` has \(grouped(count)) GPUs, which do not fill "
                                + "nodes of \(cluster.gpusPerNode)",
                            expected: "multiples of \(cluster.gpusPerNode), or less"))
                }
            }
            guard problems.isEmpty else { throw Problems(problems) }
            return result
        }
    }
}
