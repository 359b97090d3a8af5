package import ApusPlan

extension Cluster {
    /// The cluster with so many GPUs of its kind, in nodes of its size; `nil` where they do not
    /// fill nodes.
    ///
    /// Fewer GPUs than a node has share one node. The outermost link joins all GPUs; a cluster of
    /// one node gets, when it grows, the network that such machines usually have.
    package func resized(to count: Int) -> Cluster? {
        guard FileSchema.ranks.contains(count), gpusPerNode > 0,
            count < gpusPerNode || count.isMultiple(of: gpusPerNode)
        else { return nil }
        var result = self
        result.nodeCount = max(1, count / gpusPerNode)
        result.gpusPerNode = min(count, gpusPerNode)
        guard let last = links.last else { return result }
        result.links = links.filter { $0.gpuCount < count }
        if var outermost = links.first(where: { $0.gpuCount >= count }) {
            outermost.gpuCount = count
            result.links.append(outermost)
        } else if last.gpuCount > gpusPerNode {
            result.links[result.links.count - 1].gpuCount = count
        } else {
            var usual = result
            usual.links = []
            if var network = usual.linksOrDefault.last {
                network.gpuCount = count
                result.links.append(network)
            }
        }
        return result
    }

    /// The cluster with the bandwidth of its network times `factor`: of all links beyond the
    /// innermost, or of the only one.
    package func scalingNetwork(by factor: Double) -> Cluster {
        var result = self
        result.links = linksOrDefault
        for index in result.links.indices where index > 0 || result.links.count == 1 {
            result.links[index].bandwidthGBPerSecond *= factor
        }
        return result
    }
}
