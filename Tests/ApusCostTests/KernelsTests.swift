import ApusBase
import ApusCost
import ApusPlan
import Testing

@Suite("Kernels") struct KernelsTests {
    private static let gpus = [
        "a100-80gb", "h100-sxm", "h200-sxm", "b200", "gb200", "mi300x", "l40s",
    ]
    private static let precisions: [Precision] = [.bf16, .fp8, .tf32]
    private static let sizes = [
        64, 128, 192, 256, 512, 768, 1024, 1536, 2048, 4096, 8192, 16_384, 65_536,
    ]

    private func kernels(_ gpu: String) throws -> (kernels: Kernels, gpu: GPU) {
        let gpu = try #require(GPU.preset(gpu))
        return (Kernels(gpu: gpu), gpu)
    }

    @Test(
        "reproduces measured products",
        arguments: ["a100-80gb", "h100-sxm", "h200-sxm", "b200", "l40s"])
    func reproducesProducts(gpu: String) throws {
        let kernels = try kernels(gpu).kernels
        let errors = KernelFixtures.products.filter { $0.gpu == gpu }.map { row in
            let time = kernels.product(m: row.m, n: row.n, k: row.k, precision: row.precision)
            #expect(time.provenance >= .interpolated)
            return abs(time.time.count * 1e6 / row.microseconds - 1)
        }
        #expect(errors.count >= 6)
        #expect(median(errors) < 0.1)
        #expect(errors.allSatisfy { $0 < 0.6 })
    }

    @Test(
        "reproduces measured attention",
        arguments: ["a100-80gb", "h100-sxm", "h200-sxm", "b200", "l40s"])
    func reproducesAttention(gpu: String) throws {
        let kernels = try kernels(gpu).kernels
        // With short sequences these rows also time what surrounds attention, and scatter.
        let rows = KernelFixtures.attentions.filter { $0.gpu == gpu && $0.length >= 1024 }
        let errors = rows.map { row in
            let time = kernels.attention(
                sequences: row.sequences, queryLength: row.length, keyLength: row.length,
                heads: row.heads, keyValueHeads: row.keyValueHeads, headDim: 128,
                valueHeadDim: 128, isCausal: true, precision: .bf16, pass: .forward)
            #expect(time.provenance == .measured)
            return abs(time.time.count * 1e6 / row.microseconds - 1)
        }
        #expect(errors.count >= 5)
        #expect(median(errors) < 0.1)
        #expect(errors.allSatisfy { $0 < 0.4 })
    }

    @Test("a larger product takes no less time", arguments: gpus, precisions)
    func risesWithShape(gpu: String, precision: Precision) throws {
        let kernels = try kernels(gpu).kernels
        func time(_ m: Int, _ n: Int, _ k: Int) -> Double {
            kernels.product(m: m, n: n, k: k, precision: precision).time.count
        }
        // FP8 kernels are so slow on narrow matrices that wider ones cost little more.
        let dip = precision == .fp8 ? 0.9 : 0.95
        for first in [256, 1024, 4096, 16_384] {
            for second in [256, 1024, 4096, 16_384] {
                for (small, large) in zip(Self.sizes, Self.sizes.dropFirst()) {
                    #expect(time(large, first, second) > dip * time(small, first, second))
                    #expect(time(first, large, second) > dip * time(first, small, second))
                    #expect(time(first, second, large) > dip * time(first, second, small))
                }
            }
        }
    }

    @Test("no product is faster than the peak or the memory", arguments: gpus, precisions)
    func keepsToLimits(gpu name: String, precision: Precision) throws {
        let (kernels, gpu) = try kernels(name)
        let size = Double(precision.byteCount)
        for m in Self.sizes + [1, 8, 777] {
            for n in Self.sizes {
                for k in Self.sizes {
                    let (rows, columns, depth) = (Double(m), Double(n), Double(k))
                    let time = kernels.product(m: m, n: n, k: k, precision: precision).time.count
                    let peak = gpu.peakTeraFLOPs[precision] ?? gpu.peakTeraFLOPs[.bf16] ?? 0
                    #expect(2 * rows * columns * depth / time < peak * 1e12)
                    let bytes = size * (rows * depth + columns * depth)
                    #expect(bytes / time <= gpu.memoryBandwidthGBPerSecond * 1.0001e9)
                }
            }
        }
    }

    @Test("an unknown GPU gets a typical share of its peak, and the time says so")
    func degradesForUnknownGPU() {
        let gpu = GPU(
            name: "generic-400", peakTeraFLOPs: [.bf16: 400], memoryGB: 80,
            memoryBandwidthGBPerSecond: 2000)
        let time = Kernels(gpu: gpu).product(m: 8192, n: 8192, k: 8192, precision: .bf16)
        let rate = 2 * 8192.0 * 8192 * 8192 / time.time.count / 1e12
        #expect(time.provenance == .roofline)
        #expect(rate > 0.6 * 400 && rate < 0.95 * 400)
    }

    @Test("a sibling takes its relative's curves, and the time says so")
    func scalesSiblings() throws {
        let old = try kernels("b200").kernels.product(m: 8192, n: 8192, k: 8192, precision: .bf16)
        let new = try kernels("gb200").kernels.product(m: 8192, n: 8192, k: 8192, precision: .bf16)
        #expect(new.provenance == .interpolated)
        #expect(new.time < old.time)
        #expect(new.time.count > 0.85 * old.time.count)
    }

    @Test("a type without a rate of its own takes the next wider one")
    func fallsBackToWiderType() throws {
        let kernels = try kernels("a100-80gb").kernels
        let narrow = kernels.product(m: 4096, n: 4096, k: 4096, precision: .fp8)
        let wide = kernels.product(m: 4096, n: 4096, k: 4096, precision: .bf16)
        #expect(narrow.time.count <= wide.time.count)
        #expect(narrow.time.count > 0.9 * wide.time.count)
        #expect(narrow.provenance < .measured)
    }

    @Test("more groups for the same rows take no less time", arguments: gpus)
    func groupsCost(gpu: String) throws {
        let kernels = try kernels(gpu).kernels
        for rows in [2048, 16_384, 131_072] {
            let dense = kernels.product(m: rows, n: 4096, k: 2048, precision: .bf16).time
            let times = [1, 2, 4, 8, 16, 32, 64, 128].map { groups in
                kernels.groupedProduct(
                    rows: rows, groups: groups, n: 4096, k: 2048, precision: .bf16
                ).time
            }
            #expect(times[0] > dense)
            for (few, many) in zip(times, times.dropFirst()) {
                #expect(many.count > 0.999 * few.count)
            }
        }
    }

    @Test("groups of unequal size waste tiles where they are small")
    func imbalanceCosts() throws {
        let kernels = try kernels("h100-sxm").kernels
        func time(rows: Int, imbalance: Double) -> Double {
            kernels.groupedProduct(
                rows: rows, groups: 64, n: 4096, k: 2048, precision: .bf16, imbalance: imbalance
            ).time.count
        }
        #expect(time(rows: 64 * 256, imbalance: 2) > 1.02 * time(rows: 64 * 256, imbalance: 1))
        #expect(time(rows: 64 * 8192, imbalance: 2) < 1.02 * time(rows: 64 * 8192, imbalance: 1))
    }

    @Test(
        "attention backward takes two and a half times the work, at a lower rate", arguments: gpus)
    func backwardCosts(gpu: String) throws {
        let kernels = try kernels(gpu).kernels
        for length in [512, 2048, 8192] {
            let forward = kernels.causal(length: length, pass: .forward)
            let backward = kernels.causal(length: length, pass: .backward)
            #expect(backward / forward > 2.5 && backward / forward < 4)
        }
    }

    @Test(
        "attention grows with length, and causal attention is nearly half of full", arguments: gpus)
    func attentionGrows(gpu: String) throws {
        let kernels = try kernels(gpu).kernels
        let lengths = [128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 65_536, 1_048_576]
        for (short, long) in zip(lengths, lengths.dropFirst()) {
            #expect(
                kernels.causal(length: long, pass: .forward)
                    > kernels.causal(length: short, pass: .forward))
        }
        let full = kernels.attention(
            sequences: 1, queryLength: 16_384, keyLength: 16_384, heads: 32, keyValueHeads: 8,
            headDim: 128, valueHeadDim: 128, isCausal: false, precision: .bf16, pass: .forward)
        let share = kernels.causal(length: 16_384, pass: .forward) / full.time
        #expect(share > 0.49 && share < 0.56)
    }

    @Test("moving bytes takes the memory's time and at least a kernel's")
    func movesBytes() throws {
        let kernels = try kernels("h100-sxm").kernels
        #expect(kernels.elementwise(bytes: 0).time.count > 1e-6)
        let time = kernels.elementwise(bytes: 3.35e12).time.count
        #expect(time > 1 && time < 1.4)
    }

    @Test("a hundred thousand calls take seconds at most, even without optimisation")
    func isFast() throws {
        let kernels = try kernels("h100-sxm").kernels
        var sum = 0.0
        let time = ContinuousClock().measure {
            for index in 0..<100_000 {
                sum +=
                    kernels.product(m: 4096 + index, n: 4096, k: 4096, precision: .bf16).time.count
            }
        }
        #expect(sum > 0)
        #expect(time < .seconds(20))
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

extension Kernels {
    fileprivate func causal(length: Int, pass: Pass) -> Seconds {
        attention(
            sequences: 1, queryLength: length, keyLength: length, heads: 32, keyValueHeads: 8,
            headDim: 128, valueHeadDim: 128, isCausal: true, precision: .bf16, pass: pass
        ).time
    }
}
