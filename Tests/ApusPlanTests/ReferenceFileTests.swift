import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("The reference deployment file")
struct ReferenceFileTests {
    private func read() throws -> Deployment {
        let read = try DeploymentFile.stored("Plans/strategy-16gpu.yaml")
        #expect(read.notes == [])
        return read.deployment
    }

    @Test("model, cluster and workload are read as they stand in the file")
    func readsModelAndCluster() throws {
        let deployment = try read()
        #expect(
            deployment.model
                == Model(
                    layerCount: 16, hiddenSize: 512, headCount: 16, keyValueHeadCount: 16,
                    headDim: 32, expertCount: 16, topK: 2, expertHiddenSize: 1024,
                    vocabularySize: 32000, tiesEmbeddings: true))
        #expect(
            deployment.cluster
                == Cluster(
                    nodeCount: 4, gpusPerNode: 4,
                    gpu: GPU(
                        name: "generic-400", peakTeraFLOPs: [.fp16: 400], memoryGB: 64,
                        memoryBandwidthGBPerSecond: 1800),
                    links: [
                        Link(
                            level: "node", gpuCount: 4, bandwidthGBPerSecond: 300,
                            latencyMicroseconds: 3),
                        Link(
                            level: "cluster", gpuCount: 16, bandwidthGBPerSecond: 50,
                            latencyMicroseconds: 6),
                    ]))
        #expect(
            deployment.workload
                == Workload(
                    kind: .training, sequencesPerBatch: 128,
                    sequenceLengths: [128, 1024, 4096, 10240], precision: .fp16, optimizer: .adam,
                    optimizerPrecision: .fp32))
    }

    @Test("plan and routing are read, and a run without a section takes the workload's values")
    func readsPlan() throws {
        let deployment = try read()
        func bucket(
            _ length: Int, _ batches: Int, _ sequences: Int, _ tensor: Int,
            _ recompute: Plan.Recompute
        ) -> Plan.Bucket {
            Plan.Bucket(
                lengthMax: length, microBatches: batches, sequencesPerDataRank: sequences,
                tensorParallel: tensor, recompute: recompute)
        }
        #expect(
            deployment.plan
                == Plan(
                    degrees: Degrees(pipeline: 4, data: 4, expert: 4),
                    schedule: .oneForwardOneBackward, zeroStage: 1, pipelinePlacement: .outermost,
                    buckets: [
                        bucket(512, 16, 32, 1, .none), bucket(2048, 8, 32, 1, .none),
                        bucket(4096, 4, 16, 2, .full), bucket(10240, 2, 8, 2, .full),
                    ]))
        #expect(
            deployment.routing
                == Routing(
                    gate: .noisyTopK, noiseStandardDeviation: 0.01, capacity: .perToken,
                    capacityFactor: 1.5, overflow: [.reroute], balanceLoss: 0.01))
        #expect(
            deployment.run
                == RunSettings(
                    precision: .fp16, sequenceLength: 128,
                    mix: LengthMix(lengths: [128, 1024, 4096, 10240], weights: [1, 1, 1, 1]),
                    sequencesPerStep: 128))
    }

    @Test("all claims are read, of every kind")
    func readsClaims() throws {
        let claims = try read().claims
        #expect(claims.count == 49)
        #expect(
            claims.first
                == Claim(
                    id: "parameters-total", quantity: "parameters", value: .number(10e9),
                    sequenceLength: nil))
        #expect(
            claims.first { $0.id == "bubble-1024" }
                == Claim(
                    id: "bubble-1024", quantity: "pipeline_bubble", value: .range(0.15, 0.2),
                    sequenceLength: 1024))
        #expect(claims.first { $0.id == "memory-fits-4096" }?.value == .truth(false))
        #expect(claims.first { $0.id == "throughput-ceiling" }?.formula == "240e12 / 18e9")
        #expect(
            claims.first { $0.id == "memory-activations-128" }?.terms?
                .hasPrefix("element_bytes * (2 * B * S * hidden * layers_per_stage + ") == true)
        #expect(
            claims.last?.value
                == .text(
                    "deepeed --num_gpus=16 --num_nodes=4 --master_addr=node1 --master_port=29500 "
                        + "train.py --pp_size=4 --ep_size=16 --dp_size=4 --sequence_adaptive "
                        + "--activation_checkpointing"))
    }

    @Test("a preset's name gives its figures, and single figures beside it replace them")
    func readsPresets() throws {
        let preset = try #require(GPU.preset("h100-sxm"))
        #expect(try SmallFile.read(SmallFile.text).deployment.cluster?.gpu == preset)
        let text = SmallFile.text.replacing(
            "gpu: h100-sxm", with: "gpu: { name: h100-sxm, memory_gb: 94 }")
        var changed = preset
        changed.memoryGB = 94
        #expect(try SmallFile.read(text).deployment.cluster?.gpu == changed)
        #expect(Set(GPU.presets.map(\.name)).count == GPU.presets.count)
    }
}
