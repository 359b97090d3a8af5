package import ApusBase

/// The machines that a deployment runs on.
package struct Cluster: Hashable, Sendable {
    package var nodeCount: Int
    package var gpusPerNode: Int
    package var gpu: GPU
    /// Innermost level first; empty where the file names none.
    package var links: [Link]
    /// How many processor cores all ranks share, for a cluster that is one machine.
    package var cores: Int?
    /// What was measured on it.
    package var calibration: Calibration?

    package var worldSize: Int { nodeCount * gpusPerNode }

    package init(
        nodeCount: Int, gpusPerNode: Int, gpu: GPU, links: [Link], cores: Int? = nil,
        calibration: Calibration? = nil
    ) {
        self.nodeCount = nodeCount
        self.gpusPerNode = gpusPerNode
        self.gpu = gpu
        self.links = links
        self.cores = cores
        self.calibration = calibration
    }
}

/// One accelerator, as its vendor states it.
package struct GPU: Hashable, Sendable {
    package var name: String
    /// Dense peak rate by number type, in TFLOP/s.
    package var peakTeraFLOPs: [Precision: Double]
    package var memoryGB: Double
    package var memoryBandwidthGBPerSecond: Double

    package init(
        name: String, peakTeraFLOPs: [Precision: Double], memoryGB: Double,
        memoryBandwidthGBPerSecond: Double
    ) {
        self.name = name
        self.peakTeraFLOPs = peakTeraFLOPs
        self.memoryGB = memoryGB
        self.memoryBandwidthGBPerSecond = memoryBandwidthGBPerSecond
    }
}

/// One level of the network: which GPUs it joins, and how fast, per GPU and direction.
package struct Link: Hashable, Sendable {
    package var level: String
    package var gpuCount: Int
    package var bandwidthGBPerSecond: Double
    package var latencyMicroseconds: Double

    package init(
        level: String, gpuCount: Int, bandwidthGBPerSecond: Double, latencyMicroseconds: Double
    ) {
        self.level = level
        self.gpuCount = gpuCount
        self.bandwidthGBPerSecond = bandwidthGBPerSecond
        self.latencyMicroseconds = latencyMicroseconds
    }
}

extension GPU {
    /// What a rank on it may hold; a GB is 10⁹ bytes.
    package var memory: Bytes { Bytes(Int(memoryGB * 1e9)) }
}
