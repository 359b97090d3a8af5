import ApusPlan

extension MeasuredRow {
    /// The machines of the row.
    func mappedCluster() throws(Unscored) -> Cluster {
        let ranks = try required(.gpus)
        let perNode = min(try required(.gpusPerNode), ranks)
        guard let gpu = GPU(named: self[.gpu]) else {
            throw Unscored("no data sheet for the GPU `\(self[.gpu].prefix(40))`")
        }
        var cluster = Cluster(
            nodeCount: (ranks + perNode - 1) / perNode, gpusPerNode: perNode, gpu: gpu, links: [])
        guard let network = networkGBPerSecond(perNode: try required(.gpusPerNode)) else {
            return cluster
        }
        var links = cluster.linksOrDefault
        guard let last = links.indices.last, links[last].level == "cluster" else { return cluster }
        links[last].bandwidthGBPerSecond = network
        cluster.links = links
        return cluster
    }

    /// The network between nodes per GPU, from a text such as `NVLink3; 8x200Gb/s HDR IB per node`.
    private func networkGBPerSecond(perNode: Int) -> Double? {
        let parts = self[.interconnect].split(separator: ";").filter { !$0.hasPrefix("NVLink") }
        for part in parts {
            let matches = part.matches(of: /(?:(\d+)x)?(\d+) ?(Gb\/s|Gbps|GB\/s)/)
            guard let match = matches.first, let rate = number(String(match.2)) else { continue }
            let ports = match.1.flatMap { number(String($0)) } ?? 1
            let bytes = match.3 == "GB/s" ? rate : rate / 8
            guard (1e-3...1e6).contains(bytes * ports) else { continue }
            return part.contains("per GPU") ? bytes : ports * bytes / Double(perNode)
        }
        return nil
    }
}
