import ApusBase
import ApusPlan

import func Glibc.exp
import func Glibc.log2
import func Glibc.pow

/// The time of attention in one kernel that never writes the scores.
///
/// Blocks of 128 queries each visit the keys they see; the blocks are shared out over the
/// processors, and no processor finishes before its longest block. A grid of corrections over
/// length and heads takes what is left between this model and the measurements of causal forward
/// attention. `scripts/distill-efficiency` fits the same formula.
struct AttentionModel: Sendable {
    private let rate: Double
    private let rateMax: Double
    private let processors: Double
    private let bandwidth: Double
    private let launch: Double
    private let overhead: Double
    private let bandwidthShare: Double
    private let power: Double
    private let smoothness: Double
    /// The rate with heads of 64 over the rate with heads of 128.
    private let narrowRate: Double
    private let backwardRate: Double
    private let corrections: CorrectionGrid
    private let provenance: Provenance
    private static let block = 128.0

    init(gpu: GPU, rateMax: Double) {
        let reference = ReferenceGPU(gpu)
        let table = MeasuredAttention(reference.measured)
        let constants = numbers(in: table.constants, unit: 1e-4)
        processors = reference.measured.processors
        rate = constants[2] * gpu.peak(.bf16) * 1e6 / processors
        self.rateMax = rateMax
        bandwidth = gpu.memoryBandwidthGBPerSecond * 1e3
        launch = constants[0]
        overhead = constants[1]
        bandwidthShare = constants[3]
        power = constants[4]
        smoothness = constants[5]
        narrowRate = constants[6]
        backwardRate = reference.measured.backwardAttentionRate
        corrections = CorrectionGrid(values: numbers(in: table.corrections, unit: 1e-3))
        provenance = reference.provenance
    }

    func time(_ shape: AttentionShape, elementSize: Double, rateRatio: Double) -> KernelTime {
        guard shape.isValid else { return KernelTime(.zero, .roofline) }
        let queries = Double(shape.queryLength)
        let items = Double(shape.sequences) * Double(shape.heads)
        let dims = Double(shape.headDim) + Double(shape.valueHeadDim)
        let blocks = (queries / Self.block).rounded(.up)
        let (keys, longest) = keysVisited(shape, blocks: blocks)
        let even = items * keys / processors
        let perKey = 2 * Self.block * dims / (rate * rateRatio * headShare(dims / 2))
        // A single block of queries is split over the keys instead.
        let work = blocks > 1 ? max(longest, even + smoothness * longest) : even
        let compute = work * perKey
        let memory = bytes(shape, elementSize: elementSize) / (bandwidth * bandwidthShare)
        let (long, short) = (max(compute, memory), min(compute, memory))
        var busy = long * pow(1 + pow(short / long, power), 1 / power)
        let row = CorrectionGrid.Place(log2(queries), first: 8, step: 1, count: 7)
        let column = CorrectionGrid.Place(log2(items), first: 0, step: 2, count: 8)
        busy = (launch + busy) * exp(corrections.value(row, column, columns: 8))
        var flops = 2 * items * dims * shape.pairs
        // Backward computes five products where forward has two: the scores once more, and four
        // gradients. Source: Dao 2023, "FlashAttention-2", §4.1.
        if shape.pass == .backward {
            busy *= 2.5 / backwardRate
            flops *= 2.5
        }
        let floor = max(
            flops / (rateMax * rateRatio), bytes(shape, elementSize: elementSize) / bandwidth)
        return KernelTime(Seconds(1e-6 * max(busy, floor)), provenance(shape, row, column))
    }

    /// Keys that all blocks of one head visit, and those of the block that visits most.
    private func keysVisited(_ shape: AttentionShape, blocks: Double) -> (all: Double, most: Double)
    {
        let keys = Double(shape.keyLength)
        guard shape.isCausal else { return (blocks * (keys + overhead), keys + overhead) }
        let before = max(0, keys - Double(shape.queryLength))
        return (
            blocks * before + blocks * (blocks + 1) / 2 * Self.block + overhead * blocks,
            before + blocks * Self.block + overhead
        )
    }

    private func bytes(_ shape: AttentionShape, elementSize: Double) -> Double {
        let dims = Double(shape.headDim) + Double(shape.valueHeadDim)
        let rows =
            Double(shape.queryLength) * Double(shape.heads)
            + Double(shape.keyLength) * Double(shape.keyValueHeads)
        return elementSize * Double(shape.sequences) * rows * dims
    }

    /// Narrower heads keep the matrix units less busy.
    private func headShare(_ dim: Double) -> Double {
        if dim >= 128 { return 1 }
        if dim >= 64 { return narrowRate + (1 - narrowRate) * (dim - 64) / 64 }
        return narrowRate * dim / 64
    }

    private func provenance(
        _ shape: AttentionShape, _ row: CorrectionGrid.Place, _ column: CorrectionGrid.Place
    ) -> Provenance {
        guard max(row.distance, column.distance) <= 1 else { return .roofline }
        let isMeasured =
            row.distance == 0 && column.distance == 0 && shape.pass == .forward && shape.isCausal
            && shape.queryLength == shape.keyLength
            && shape.headDim == 128 && shape.valueHeadDim == 128
        return min(provenance, isMeasured ? .measured : .interpolated)
    }
}
