import ApusBase
import ApusPlan

import func Glibc.exp
import func Glibc.log2
import func Glibc.pow

/// The time of dense matrix products of one type on one GPU.
///
/// Blocks of threads each compute a tile of the result, in waves over the processors; the best of a
/// few tile sizes counts, and large depths may be split where tiles are few. Times of memory and of
/// arithmetic add up softly, and a grid of corrections takes what is left between this model and
/// the measurements. `scripts/distill-efficiency` fits the same formula.
struct ProductModel: Sendable {
    /// FLOP per microsecond of one processor, at the peak.
    private let rate: Double
    private let processors: Double
    /// Bytes per microsecond.
    private let bandwidth: Double
    private let elementSize: Double
    /// The highest rate that was ever measured, in FLOP per microsecond.
    let rateMax: Double
    private let launch: Double
    private let prologue: Double
    private let smoothness: Double
    private let bandwidthShare: Double
    private let power: Double
    private let split: Double
    private let tiles: [Tile]
    private let corrections: CorrectionGrid
    /// What to add where `m` is no multiple of 8.
    private let unaligned: CorrectionGrid
    private let coverage: [Double]
    private let provenance: Provenance

    private struct Tile: Sendable {
        let rows: Double
        let columns: Double
        /// The share of a processor's peak rate.
        let efficiency: Double
    }

    private static let tileSizes: [(Double, Double)] = [
        (64, 64), (64, 128), (128, 64), (128, 128), (64, 256), (256, 64), (128, 256), (256, 128),
        (256, 256),
    ]

    init(gpu: GPU, precision: Precision) {
        let reference = ReferenceGPU(gpu)
        let table = MeasuredProducts(reference.measured, precision)
        let peak = gpu.peak(precision) * 1e6
        let constants = numbers(in: table.constants, unit: 1e-4)
        // Where a search for the fastest product of this GPU is known, its share of the peak
        // replaces the reference's.
        let known = MeasuredProducts.rateMax(gpu.name, precision)
        let share = reference.provenance == .measured ? nil : known.map { $0 * 1e6 / peak }
        let ratio = (share ?? constants[15]) / constants[15]
        rate = peak * ratio / reference.measured.processors
        processors = reference.measured.processors
        bandwidth = gpu.memoryBandwidthGBPerSecond * 1e3
        elementSize = Double(precision.byteCount)
        rateMax = peak * (share ?? constants[15])
        launch = constants[0]
        prologue = constants[1]
        smoothness = constants[2]
        bandwidthShare = constants[3]
        power = constants[4]
        split = constants[5]
        tiles = zip(Self.tileSizes, constants[6...]).map {
            Tile(rows: $0.0, columns: $0.1, efficiency: $1)
        }
        corrections = CorrectionGrid(values: numbers(in: table.corrections, unit: 1e-3))
        unaligned = CorrectionGrid(values: numbers(in: table.unaligned, unit: 1e-3))
        coverage = numbers(in: table.coverage, unit: 1)
        provenance =
            table.isOfType ? reference.provenance : min(reference.provenance, .interpolated)
    }

    /// The time of one product `[m, k] · [k, n]`.
    func time(m: Int, n: Int, k: Int) -> KernelTime {
        guard m > 0, n > 0, k > 0 else { return KernelTime(.zero, provenance) }
        let rows = Double(m)
        return time(
            Shape(
                rows: rows, m: rows, n: Double(n), k: Double(k), groups: 1, tileWaste: 0,
                isAligned: m % 8 == 0))
    }

    /// The time of one product per group as a single kernel; see ``Kernels``.
    ///
    /// All groups' tiles share the waves, as if they were one product. With that reading the ratio
    /// of measured to modelled time hardly depends on the rows per group: 0.9 for B200's tuned
    /// kernel, 1.3 to 1.6 for the Triton kernels that inference servers fall back to.
    /// Assumption: 1.1 for the kernels of training (CUTLASS, cuBLAS), which brings Megatron-Core's
    /// MoE layer on H100 within its measured time.
    func time(rows: Int, groups: Int, n: Int, k: Int, imbalance: Double) -> KernelTime {
        guard rows > 0, groups > 0, n > 0, k > 0 else { return KernelTime(.zero, provenance) }
        let found = time(
            Shape(
                rows: Double(rows), m: Double(rows) / Double(groups), n: Double(n), k: Double(k),
                groups: Double(groups), tileWaste: min(1, max(0, 10 * (imbalance - 1))),
                isAligned: true))
        return KernelTime(1.1 * found.time, min(found.provenance, .interpolated))
    }

    private struct Shape {
        /// Rows of all groups.
        let rows: Double
        /// Rows of one group.
        let m: Double
        let n: Double
        let k: Double
        let groups: Double
        /// How far groups differ in size: 0 for none, 1 for so much that last tiles are half full.
        let tileWaste: Double
        let isAligned: Bool
    }

    private func time(_ shape: Shape) -> KernelTime {
        let moved =
            elementSize * (shape.rows * shape.k + shape.groups * shape.n * shape.k)
            + 2 * shape.rows * shape.n
        let memory = moved / (bandwidth * bandwidthShare)
        let compute = computeTime(shape)
        let (long, short) = (max(compute, memory), min(compute, memory))
        let busy = long * pow(1 + pow(short / long, power), 1 / power)
        let (m, n, k) = (log2(shape.rows), log2(shape.n), log2(shape.k))
        let plane = CorrectionGrid.Place(m, first: 7, step: 1, count: 9)
        let row = CorrectionGrid.Place(n, first: 8, step: 1, count: 9)
        let column = CorrectionGrid.Place(k, first: 8, step: 1, count: 9)
        var correction = corrections.value(plane, row, column, rows: 9, columns: 9)
        if !shape.isAligned {
            correction += unaligned.value(
                CorrectionGrid.Place(m, first: 7, step: 4, count: 3),
                CorrectionGrid.Place(n, first: 8, step: 4, count: 3),
                CorrectionGrid.Place(k, first: 8, step: 4, count: 3), rows: 3, columns: 3)
        }
        let flops = 2 * shape.rows * shape.n * shape.k
        let time = max((launch + busy) * exp(correction), flops / rateMax, moved / bandwidth)
        return KernelTime(Seconds(1e-6 * time), provenance(plane, row, column))
    }

    private func computeTime(_ shape: Shape) -> Double {
        var best = Double.infinity
        for tile in tiles {
            let even = shape.m / tile.rows
            let full = even.rounded(.up)
            let rows = full + shape.tileWaste * max(0, even + 0.5 - full)
            let count = shape.groups * rows * (shape.n / tile.columns).rounded(.up)
            let perDepth = 2 * tile.rows * tile.columns / (tile.efficiency * rate)
            var parts = 1.0
            while parts <= 8 {
                let even = count * parts / processors
                let waves = max(1, even.rounded(.up) + smoothness * (even - even.rounded(.up)))
                var time = waves * (perDepth * max(64, shape.k / parts) + prologue)
                if parts > 1 { time += split + 4 * parts * shape.rows * shape.n / bandwidth }
                best = min(best, time)
                // Once the processors are busy, splitting further gains nothing.
                if even >= 1 { break }
                parts *= 2
            }
        }
        return best
    }

    private func provenance(
        _ plane: CorrectionGrid.Place, _ row: CorrectionGrid.Place, _ column: CorrectionGrid.Place
    ) -> Provenance {
        let distance = max(plane.distance, row.distance, column.distance)
        guard distance <= 1 else { return .roofline }
        let bits = Int(coverage[plane.cell * 8 + row.cell])
        let isNear = distance == 0 && bits >> column.cell & 1 == 1
        return min(provenance, isNear ? .measured : .interpolated)
    }
}
