import ApusBase
import ApusPlan
import Testing

@testable import ApusCost

@Suite("Costs of a calibrated cluster")
struct CalibratedCostTests {
    private let processor = GPU(
        name: "cpu", peakTeraFLOPs: [.fp32: 0.1], memoryGB: 4, memoryBandwidthGBPerSecond: 10)

    private var calibration: Calibration {
        var result = Calibration()
        result.operationMicroseconds = 2
        for m in [64, 256, 1024] {
            for n in [64, 256, 1024] {
                // 50 GFLOP/s and 2 µs for each product.
                let flops = 2 * Double(m) * Double(n) * 256
                result.products.append(
                    Calibration.Product(
                        m: m, n: n, k: 256, type: .fp32, microseconds: 2 + flops / 50e3))
            }
        }
        result.copies = [
            Calibration.Copy(bytes: 1 << 10, microseconds: 2),
            Calibration.Copy(bytes: 1 << 20, microseconds: 100),
            Calibration.Copy(bytes: 1 << 26, microseconds: 12_800),
        ]
        result.collectives = [2, 4].flatMap { ranks in
            [8, 1 << 20].map { bytes in
                Calibration.Exchange(
                    collective: .allReduce, ranks: ranks, bytes: bytes,
                    microseconds: Double(ranks) * (100 + Double(bytes) / 1000))
            }
        }
        return result
    }

    @Test("a measured shape has its measured time, and says so")
    func givesMeasuredTime() {
        let kernels = Kernels(gpu: processor, calibration: calibration)
        for row in calibration.products {
            let kernel = kernels.product(m: row.m, n: row.n, k: row.k, precision: .fp32)
            #expect(abs(kernel.time.count / (row.microseconds * 1e-6) - 1) < 0.01)
            #expect(kernel.provenance == .measured)
        }
    }

    @Test("between shapes the time is that of the same rate, and far from them a roofline's")
    func interpolates() {
        let kernels = Kernels(gpu: processor, calibration: calibration)
        let between = kernels.product(m: 128, n: 512, k: 256, precision: .fp32)
        let expected = 2e-6 + 2 * 128.0 * 512 * 256 / 50e9
        #expect(abs(between.time.count / expected - 1) < 0.05)
        #expect(between.provenance == .measured)
        let far = kernels.product(m: 64, n: 64, k: 65_536, precision: .fp32)
        #expect(far.provenance == .roofline)
        #expect(abs(far.time.count / (2 * 64.0 * 64 * 65_536 / 50e9) - 1) < 0.1)
    }

    @Test("more of anything never takes less time")
    func isMonotonic() {
        let kernels = Kernels(gpu: processor, calibration: calibration)
        let rows = stride(from: 16, through: 4096, by: 48).map {
            kernels.product(m: $0, n: 300, k: 200, precision: .fp32).time.count
        }
        #expect(zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 })
        let moves = (0..<40).map {
            kernels.elementwise(bytes: Double(1 << 8) * pow2($0)).time.count
        }
        #expect(zip(moves, moves.dropFirst()).allSatisfy { $0 <= $1 })
    }

    private func pow2(_ step: Int) -> Double { (0..<step).reduce(1.0) { value, _ in value * 1.7 } }

    @Test("products of experts on a processor come one after the other")
    func groupsProducts() {
        let kernels = Kernels(gpu: processor, calibration: calibration)
        let one = kernels.product(m: 64, n: 256, k: 256, precision: .fp32)
        let four = kernels.groupedProduct(rows: 256, groups: 4, n: 256, k: 256, precision: .fp32)
        #expect(abs(four.time.count / (4 * one.time.count) - 1) < 1e-9)
    }

    @Test("a kind of kernel that was measured takes its own time, others that of their traffic")
    func givesKindsTime() {
        var calibration = calibration
        calibration.kernels = [
            Calibration.Kernel(kind: .norm, pass: .forward, numbers: 1000, microseconds: 7),
            Calibration.Kernel(kind: .norm, pass: .forward, numbers: 100_000, microseconds: 70),
        ]
        let kernels = Kernels(gpu: processor, calibration: calibration)
        let middle = kernels.measured(.norm, .forward, numbers: 10_000)
        #expect(abs((middle?.time.count ?? 0) / (7e-6 * 10.0.squareRoot()) - 1) < 1e-9)
        #expect(kernels.measured(.norm, .backward, numbers: 1000) == nil)
    }

    @Test("collectives follow their measured curve, and larger groups the wire")
    func givesCollectives() {
        let network = Network(
            cluster: Cluster(
                nodeCount: 1, gpusPerNode: 8, gpu: processor, links: [], cores: 2,
                calibration: calibration))
        func time(_ ranks: Int, _ bytes: Int, _ kind: Collective = .allReduce) -> Double {
            network.time(
                kind, payload: Double(bytes), span: GroupSpan(ranks: ranks, ranksPerNode: ranks)
            ).count
        }
        #expect(network.provenance == .measured)
        #expect(abs(time(2, 1 << 20) / (2e-6 * (100 + 1048.576)) - 1) < 1e-3)
        #expect(abs(time(4, 1 << 20) / (4e-6 * (100 + 1048.576)) - 1) < 1e-3)
        #expect(time(3, 1 << 20) > time(2, 1 << 20) && time(3, 1 << 20) < time(4, 1 << 20))
        #expect(time(8, 1 << 20) > time(4, 1 << 20))
        #expect(abs(time(4, 1 << 20, .allGather) / time(4, 1 << 20) - 0.5) < 1e-9)
    }

    @Test("a GPU with models of its own is corrected at the shapes that were measured")
    func correctsModels() throws {
        let gpu = try #require(GPU.preset("h100-sxm"))
        let plain = Kernels(gpu: gpu)
        let shape = (m: 4096, n: 4096, k: 4096)
        let model = plain.product(m: shape.m, n: shape.n, k: shape.k, precision: .bf16)
        var calibration = Calibration()
        calibration.products = [
            Calibration.Product(
                m: shape.m, n: shape.n, k: shape.k, type: .bf16,
                microseconds: 2e6 * model.time.count)
        ]
        let kernels = Kernels(gpu: gpu, calibration: calibration)
        let twice = kernels.product(m: shape.m, n: shape.n, k: shape.k, precision: .bf16)
        #expect(abs(twice.time / model.time - 2) < 1e-9)
        let other = kernels.product(m: shape.m, n: shape.n, k: shape.k, precision: .fp8)
        #expect(other == plain.product(m: shape.m, n: shape.n, k: shape.k, precision: .fp8))
    }

    @Test("the order of measurements in a file changes nothing")
    func isDeterministic() {
        var reversed = calibration
        reversed.products.reverse()
        reversed.copies.reverse()
        let (first, second) = (
            Kernels(gpu: processor, calibration: calibration),
            Kernels(gpu: processor, calibration: reversed)
        )
        let one = first.product(m: 100, n: 200, k: 300, precision: .fp32)
        let two = second.product(m: 100, n: 200, k: 300, precision: .fp32)
        #expect(abs(one.time / two.time - 1) < 1e-12)
        #expect(first.elementwise(bytes: 1e6) == second.elementwise(bytes: 1e6))
    }
}
