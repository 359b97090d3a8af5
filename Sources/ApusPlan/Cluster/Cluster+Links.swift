extension Cluster {
    /// The links that the cluster has: those of its file, or those that machines with its GPU have.
    ///
    /// Innermost level first, each level joining more GPUs than the one before, the last one all.
    /// The level `node` is the domain of the GPU's own network, which on rack-scale systems (GB200
    /// NVL72) spans nodes.
    package var linksOrDefault: [Link] {
        guard links.isEmpty else { return links }
        let preset = GPUPreset.exactly(gpu.name)
        let isRack = preset?.scaleUpSpansNodes ?? false
        let domain = preset.map {
            isRack ? $0.scaleUpGPUCount : min($0.scaleUpGPUCount, gpusPerNode)
        }
        let joined = min(domain ?? gpusPerNode, worldSize)
        var result: [Link] = []
        if joined > 1 {
            result.append(
                Link(
                    level: "node", gpuCount: joined,
                    bandwidthGBPerSecond: preset?.scaleUpGBPerSecond ?? Self.busGBPerSecond,
                    latencyMicroseconds: Self.nodeLatencyMicroseconds))
        }
        if joined < worldSize {
            result.append(
                Link(
                    level: "cluster", gpuCount: worldSize,
                    bandwidthGBPerSecond: preset?.networkGBPerSecond ?? Self.networkGBPerSecond,
                    latencyMicroseconds: Self.networkLatencyMicroseconds))
        }
        return result
    }

    /// Whether nothing is known of the links: the file names none, and the GPU is no preset.
    package var hasAssumedLinks: Bool { links.isEmpty && GPUPreset.exactly(gpu.name) == nil }

    /// Assumption: GPUs of unknown make meet on PCIe 4.0 × 16.
    private static let busGBPerSecond = 32.0
    /// Assumption: nodes of unknown make have a network of 100 Gbit/s for each GPU.
    private static let networkGBPerSecond = 12.5
    /// Assumption: what one hop takes, as the strategy document's cluster has it.
    private static let nodeLatencyMicroseconds = 3.0
    private static let networkLatencyMicroseconds = 6.0
}
