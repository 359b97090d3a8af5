import ApusPlan
import Testing

@Suite("GPU presets")
struct GPUPresetTests {
    @Test(
        "a name is understood as people write it",
        arguments: [
            ("A100-80GB-SXM", "a100-80gb"), ("A100-40GB-SXM", "a100-40gb"), ("A100", "a100-80gb"),
            ("a100_80gb", "a100-80gb"), ("a100_40gb", "a100-40gb"), ("h100_80gb", "h100-sxm"),
            ("NVIDIA A100-SXM4-80GB", "a100-80gb"), ("H100", "h100-sxm"),
            ("H100-80GB-SXM", "h100-sxm"), ("NVIDIA H100 80GB", "h100-sxm"),
            ("H800-80GB-SXM", "h800-sxm"), ("h200_sxm", "h200-sxm"), ("H200-SXM", "h200-sxm"),
            ("B200-SXM", "b200"), ("B200", "b200"), ("GB200 (per GPU)", "gb200"),
            ("GB200-NVL72", "gb200"), ("GB300 (per GPU)", "gb300"), ("B300-SXM", "b300"),
            ("MI300X", "mi300x"), ("AMD Instinct MI300X", "mi300x"), ("L40S", "l40s"),
            ("RTX4090", "rtx4090"),
        ])
    func understandsNames(name: String, preset: String) {
        #expect(GPU(named: name)?.name == preset)
        #expect(GPUPreset(named: name)?.name == preset)
    }

    @Test("every preset is understood by its own name", arguments: GPUPreset.all)
    func understandsOwnName(preset: GPUPreset) {
        #expect(GPUPreset(named: preset.name) == preset)
        #expect(GPUPreset.exactly(preset.name) == preset)
    }

    @Test(
        "a name of another GPU is not taken for one that is known",
        arguments: [
            "", "-", "H100 PCIe", "H100-NVL", "A10", "A100-96GB", "V100", "gpu", "80gb", "(",
        ])
    func refusesOthers(name: String) {
        #expect(GPU(named: name) == nil)
    }

    @Test("figures are of one kind and in order", arguments: GPUPreset.all)
    func hasFigures(preset: GPUPreset) throws {
        let peaks = preset.gpu.peakTeraFLOPs
        let half = try #require(peaks[.bf16])
        #expect(peaks[.fp16] == half)
        #expect(try #require(peaks[.fp32]) < half)
        if let eight = peaks[.fp8] { #expect((1.9...2.1).contains(eight / half)) }
        // A network is slower than what joins the GPUs of a node, except where that is PCIe.
        let isPCIe = preset.scaleUpGBPerSecond < 64
        #expect(isPCIe || preset.networkGBPerSecond < preset.scaleUpGBPerSecond)
        #expect(preset.scaleUpGBPerSecond < preset.gpu.memoryBandwidthGBPerSecond)
        for (precision, rate) in preset.matmulTeraFLOPsMax {
            #expect((0.5...0.95).contains(rate / (peaks[precision] ?? 0)))
        }
    }
}

@Suite("Links of a cluster")
struct ClusterLinkTests {
    private func cluster(_ name: String, nodes: Int, gpusPerNode: Int) throws -> Cluster {
        Cluster(
            nodeCount: nodes, gpusPerNode: gpusPerNode,
            gpu: GPU.preset(name)
                ?? GPU(
                    name: name, peakTeraFLOPs: [:], memoryGB: 1, memoryBandwidthGBPerSecond: 1),
            links: [])
    }

    private func levels(_ cluster: Cluster) -> [String] {
        cluster.linksOrDefault.map { "\($0.level) \($0.gpuCount) \($0.bandwidthGBPerSecond)" }
    }

    @Test("those of the file are taken as they stand")
    func takesFile() throws {
        var cluster = try cluster("h100-sxm", nodes: 4, gpusPerNode: 8)
        cluster.links = [
            Link(level: "x", gpuCount: 32, bandwidthGBPerSecond: 1, latencyMicroseconds: 2)
        ]
        #expect(cluster.linksOrDefault == cluster.links)
    }

    @Test("a node and the network between nodes have those of the preset")
    func takesPreset() throws {
        let h100 = try cluster("h100-sxm", nodes: 4, gpusPerNode: 8)
        #expect(levels(h100) == ["node 8 450.0", "cluster 32 50.0"])
        #expect(!h100.hasAssumedLinks)
        #expect(try levels(cluster("a100-80gb", nodes: 1, gpusPerNode: 4)) == ["node 4 300.0"])
        #expect(try levels(cluster("l40s", nodes: 3, gpusPerNode: 1)) == ["cluster 3 50.0"])
        #expect(try levels(cluster("h100-sxm", nodes: 1, gpusPerNode: 1)) == [])
        let wide = try cluster("h100-sxm", nodes: 1, gpusPerNode: 16)
        #expect(levels(wide) == ["node 8 450.0", "cluster 16 50.0"])
    }

    @Test("a rack is one domain, whatever a node is")
    func joinsRack() throws {
        #expect(
            try levels(cluster("gb200", nodes: 36, gpusPerNode: 4))
                == ["node 72 900.0", "cluster 144 50.0"])
        #expect(try levels(cluster("gb300", nodes: 16, gpusPerNode: 4)) == ["node 64 900.0"])
    }

    @Test("unknown GPUs get assumed links, and the cluster says so")
    func assumesOthers() throws {
        let unknown = try cluster("core", nodes: 2, gpusPerNode: 4)
        #expect(levels(unknown) == ["node 4 32.0", "cluster 8 12.5"])
        #expect(unknown.hasAssumedLinks)
    }

    @Test("they ascend and join every GPU", arguments: GPUPreset.all, [1, 2, 3, 9, 64])
    func ascends(preset: GPUPreset, nodes: Int) throws {
        for gpusPerNode in [1, 4, 8, 72] {
            let cluster = try cluster(preset.name, nodes: nodes, gpusPerNode: gpusPerNode)
            let counts = cluster.linksOrDefault.map(\.gpuCount)
            #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 < $1 })
            #expect((counts.last ?? 1) == cluster.worldSize)
            #expect(cluster.linksOrDefault.allSatisfy { $0.latencyMicroseconds > 0 })
        }
    }
}
