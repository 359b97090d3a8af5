package import ApusPlan

extension Planner {
    /// The recommended strategy with its predictions; `nil` where none fits.
    package func best() -> PlannedStrategy? {
        var options = Options()
        options.countMax = 1
        return finalists(search(options)).first
    }

    /// The first of twice, four times, … the GPUs, up to `factorMax` times, on which a strategy
    /// fits.
    package func larger(
        factorMax: Int = 16
    ) -> (cluster: Cluster, strategy: PlannedStrategy)? {
        var factor = 2
        while factor <= factorMax {
            let cluster = problem.cluster.resized(to: factor * problem.cluster.worldSize)
            guard let cluster else { return nil }
            if let strategy = Planner(problem.on(cluster)).best() { return (cluster, strategy) }
            factor *= 2
        }
        return nil
    }
}

extension SearchProblem {
    /// The same problem on another cluster.
    package func on(_ cluster: Cluster) -> SearchProblem {
        SearchProblem(model: model, cluster: cluster, workload: workload, routing: routing)
    }
}
