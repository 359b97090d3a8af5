import ApusBase
import ApusTestSupport
import Testing

@testable import ApusPlan

@Suite("Calibration in a cluster file")
struct CalibrationFileTests {
    static let calibration: Calibration = {
        var result = Calibration()
        var source = Calibration.Source(kind: "apus")
        source.machine = "a \"quoted\" processor, 2 cores"
        source.date = "2026-01-02T03:04:05Z"
        source.command = "apus calibrate -o x.yaml"
        source.repetitions = 9
        source.lines = 12
        source.skipped = "3 rows: too short"
        result.sources = [source]
        result.operationMicroseconds = 1.25
        result.products = [
            Calibration.Product(m: 64, n: 32, k: 16, type: .fp32, microseconds: 0.1, spread: 0.02),
            Calibration.Product(
                m: 8, n: 32, k: 16, groups: 4, type: .bf16, microseconds: 12_345.678),
        ]
        result.attention = [
            Calibration.Attention(
                sequences: 2, length: 64, heads: 4, headDim: 16, pass: .backward, type: .fp32,
                microseconds: 33.3)
        ]
        result.kernels = [
            Calibration.Kernel(
                kind: .crossEntropy, pass: .forward, numbers: 4096, microseconds: 9, spread: 0.5)
        ]
        result.islandModel = Calibration.IslandModel(.small(), type: .fp32)
        result.islands = [
            Calibration.Island(
                kind: .attention, pass: .backwardWeights, sequences: 2, length: 64,
                microseconds: 70.5, spread: 0.03),
            Calibration.Island(
                kind: .experts, pass: .forward, sequences: 2, length: 64, experts: 4,
                microseconds: 800),
        ]
        result.copies = [Calibration.Copy(bytes: 1 << 20, microseconds: 100)]
        result.collectives = [
            Calibration.Exchange(
                collective: .allToAll, ranks: 4, bytes: 65_536, microseconds: 800,
                busyMicroseconds: 120, spread: 0.1)
        ]
        result.busyCores = [Calibration.BusyCores(cores: 2, slowdown: 1.25)]
        return result
    }()

    static let cluster = Cluster(
        nodeCount: 1, gpusPerNode: 4,
        gpu: GPU(
            name: "cpu", peakTeraFLOPs: [.fp32: 0.1], memoryGB: 4, memoryBandwidthGBPerSecond: 10),
        links: [], cores: 2, calibration: calibration)

    private func read(
        _ text: String, beside: [String: String] = [:]
    ) throws(Problems) -> Cluster? {
        let parts = try readDeploymentParts(
            bytes: Array(text.utf8), file: "cluster.yaml"
        ) { path throws(Problems) in
            Array((beside[path] ?? "").utf8)
        }
        return parts.cluster
    }

    private func message(_ text: String, beside: [String: String] = [:]) -> String {
        do {
            _ = try read(text, beside: beside)
            return "no error"
        } catch {
            return error.diagnostics.map(\.description).joined(separator: "\n")
        }
    }

    @Test("every figure and every source reads back equal")
    func roundTrips() throws {
        #expect(try read(Self.cluster.text()) == Self.cluster)
    }

    @Test("a cluster takes measurements, GPU and cores from the file that it names")
    func readsNamedFile() throws {
        let text = "cluster: { nodes: 1, gpus_per_node: 2, calibration: machine.yaml }"
        let cluster = try #require(try read(text, beside: ["machine.yaml": Self.cluster.text()]))
        var expected = Self.cluster
        expected.gpusPerNode = 2
        #expect(cluster == expected)
    }

    @Test("a named file without measurements is refused, and so is one that names another")
    func refusesEmptyFile() {
        let text = "cluster: { nodes: 1, gpus_per_node: 2, calibration: other.yaml }"
        #expect(
            message(
                text, beside: ["other.yaml": "cluster: { nodes: 1, gpus_per_node: 1, gpu: b200 }"]
            )
            .contains(
                """
                cluster.yaml:1:40: error: `other.yaml` has no `cluster.calibration`  [missing-key]
                  expected: a file that `apus calibrate -o` wrote
                """))
        let chain = "cluster: { nodes: 1, gpus_per_node: 1, gpu: b200, calibration: other.yaml }"
        #expect(
            message(text, beside: ["other.yaml": chain]).contains(
                "`cluster.calibration` is `other.yaml`"))
    }

    @Test("figures outside their limits and unknown keys are told with their path")
    func refusesFigures() {
        let text = """
            cluster:
              nodes: 1
              gpus_per_node: 1
              gpu: b200
              calibration:
                products:
                  - { m: 0, n: 1, k: 1, type: fp32, time_us: -1 }
                  - { m: 1, n: 1, k: 1, type: int4, time_us: 1, colour: red }
                collectives:
                  - { collective: all_reduce, ranks: 1, bytes: 8, time_us: 1e300 }
            """
        let found = message(text)
        for path in [
            "`cluster.calibration.products[0].m` is `0`",
            "`cluster.calibration.products[0].time_us` is `-1`",
            "`cluster.calibration.products[1].type` is `int4`",
            "unknown key `cluster.calibration.products[1].colour`",
            "`cluster.calibration.collectives[0].ranks` is `1`",
            "`cluster.calibration.collectives[0].time_us` is `1e300`",
        ] {
            #expect(found.contains(path), "\(found)")
        }
    }

    @Test("islands of no model, unknown kinds, and experts without their number are told by line")
    func refusesIslands() {
        let text = """
            cluster:
              nodes: 1
              gpus_per_node: 1
              gpu: b200
              calibration:
                islands:
                  - { kind: tower, pass: forward, sequences: 1, length: 64, time_us: 1 }
                  - { kind: experts, pass: forward, sequences: 1, length: 64, time_us: 1 }
                  - { kind: head, pass: sideways, sequences: 0, length: 64, time_us: 1 }
            """
        let found = message(text)
        for part in [
            "cluster.yaml:7:11: error: `cluster.calibration.islands[0].kind` is `tower`",
            "`cluster.calibration.islands[1].experts`",
            "cluster.yaml:9:23: error: `cluster.calibration.islands[2].pass` is `sideways`",
            "`cluster.calibration.islands[2].sequences` is `0`",
            "`cluster.calibration.island_model`",
        ] {
            #expect(found.contains(part), "\(found)")
        }
    }

    @Test("the slowdown of busy cores grows between measured counts and stays beyond them")
    func interpolatesSlowdown() {
        var calibration = Calibration()
        calibration.busyCores = [
            Calibration.BusyCores(cores: 4, slowdown: 1.75),
            Calibration.BusyCores(cores: 2, slowdown: 1.25),
        ]
        #expect(
            [1, 2, 3, 4, 9].map(calibration.slowdown(busyCores:)) == [1, 1.25, 1.5, 1.75, 1.75])
        #expect(Calibration().slowdown(busyCores: 8) == 1)
    }
}
