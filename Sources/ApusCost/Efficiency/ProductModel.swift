import ApusBase
import ApusPlan

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
        coverage = numbers(in: table.coverage, unit: 1)
        provenance =
            table.isOfType ? reference.provenance : min(reference.provenance, .interpolated)
    }

    /// The time of `groups` products `[m, k] · [k, n]` that run as one kernel.
    func time(m: Double, n: Double, k: Double, groups: Double) -> KernelTime {
        guard m > 0, n > 0, k > 0, groups > 0 else { return KernelTime(.zero, .roofline) }
        let moved = (elementSize * (m * k + n * k) + 2 * m * n) * groups
        let memory = moved / (bandwidth * bandwidthShare)
        let compute = computeTime(m: m, n: n, k: k, groups: groups)
        let (long, short) = (max(compute, memory), min(compute, memory))
        let busy = long * pow(1 + pow(short / long, power), 1 / power)
        let plane = CorrectionGrid.Place(log2(m * groups), first: 7, step: 1, count: 9)
        let row = CorrectionGrid.Place(log2(n), first: 8, step: 1, count: 9)
        let column = CorrectionGrid.Place(log2(k), first: 8, step: 1, count: 9)
        let factor = corrections.factor(plane, row, column, rows: 9, columns: 9)
        let floor = max(2 * m * n * k * groups / rateMax, moved / bandwidth)
        return KernelTime(
            Seconds(1e-6 * max((launch + busy) * factor, floor)), provenance(plane, row, column))
    }

    /// The time of a grouped product; see ``Kernels/groupedProduct``.
    ///
    /// Uneven groups fill their last tiles half on average, like a mean of many sizes.
    func groupedTime(
        rows: Double, groups: Double, n: Double, k: Double, imbalance: Double
    ) -> KernelTime {
        time(m: rows / groups, n: n, k: k, groups: groups)
    }

    private func computeTime(m: Double, n: Double, k: Double, groups: Double) -> Double {
        var best = Double.infinity
        for tile in tiles {
            let count =
                groups * (m / tile.rows).rounded(.up) * (n / tile.columns).rounded(.up)
            let perDepth = 2 * tile.rows * tile.columns / (tile.efficiency * rate)
            var parts = 1.0
            while parts <= 8 {
                let even = count * parts / processors
                let waves = max(1, even.rounded(.up) + smoothness * (even - even.rounded(.up)))
                var time = waves * (perDepth * max(64, k / parts) + prologue)
                if parts > 1 { time += split + 4 * parts * m * n * groups / bandwidth }
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
        guard plane.isInside && row.isInside && column.isInside else { return .roofline }
        let bits = Int(coverage[plane.cell * 8 + row.cell])
        return min(provenance, bits >> column.cell & 1 == 1 ? .measured : .interpolated)
    }
}
