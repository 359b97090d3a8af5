import ApusBase
import ApusPlan

import func Glibc.log

/// Kernels as they were measured on a cluster itself.
///
/// Measured times correct a model at and between their shapes: that of a GPU whose kernels are
/// known, otherwise a roofline under the greatest rate that was measured.
struct CalibratedKernels: Sendable {
    /// By `Precision.index`; empty where no product of the type was measured.
    private let products: [Shapes]
    private let grouped: [Shapes]
    private let attention: [Shapes]
    /// By kind of kernel and pass.
    private let kernels: [Calibration.KernelKind: [Pass: MeasuredCurve]]
    private let copies: MeasuredCurve
    /// What an operation takes that has next to nothing to compute, in seconds.
    let operation: Double

    /// Corrections, and the roofline below them where no model of the GPU stands there.
    private struct Shapes: Sendable {
        var corrections = ShapeCorrections([])
        /// FLOP per second of the fastest measured shape.
        var rateMax = 1.0
        /// What each operation takes beside its arithmetic, in seconds.
        var start = 0.0

        func roofline(flops: Double, operations: Double = 1) -> Double {
            start * operations + flops / rateMax
        }

        func time(_ place: SIMD4<Double>, base: Double) -> KernelTime? {
            guard !corrections.isEmpty else { return nil }
            let (factor, provenance) = corrections.factor(at: place)
            return KernelTime(Seconds(factor * base), provenance)
        }
    }

    /// `models` gives the time of a shape by the model of a known GPU; elsewhere there is none.
    init(_ calibration: Calibration, models: KernelModels?) {
        let start = 1e-6 * (calibration.operationMicroseconds ?? 0)
        operation = start
        products = Precision.allCases.map { type in
            Self.shapes(
                calibration.products.filter { $0.type == type && $0.groups == 1 }, start: start,
                models: models)
        }
        grouped = Precision.allCases.map { type in
            Self.shapes(
                calibration.products.filter { $0.type == type && $0.groups > 1 }, start: start,
                models: models)
        }
        attention = Precision.allCases.map { type in
            Self.shapes(
                calibration.attention.filter { $0.type == type }, start: start, models: models)
        }
        kernels = Dictionary(grouping: calibration.kernels, by: \.kind).mapValues { rows in
            Dictionary(grouping: rows, by: \.pass).mapValues { rows in
                MeasuredCurve(rows.map { (Double($0.numbers), 1e-6 * $0.microseconds) })
            }
        }
        copies = MeasuredCurve(
            calibration.copies.map { (2 * Double($0.bytes), 1e-6 * $0.microseconds) })
    }

    // MARK: - Times

    /// A product, or `nil` where none of its type was measured.
    func product(
        m: Int, n: Int, k: Int, type: Precision, model: KernelTime?
    ) -> KernelTime? {
        let shapes = products[type.index]
        let row = Calibration.Product(m: m, n: n, k: k, type: type, microseconds: 0)
        return shapes.time(row.place, base: model?.time.count ?? shapes.roofline(flops: row.flops))
    }

    /// Products of several groups in one operation, from groups as they were measured or, on a
    /// processor, which computes one after the other, from single products.
    func groupedProduct(
        m: Int, groups: Int, n: Int, k: Int, type: Precision, model: KernelTime?
    ) -> KernelTime? {
        let row = Calibration.Product(
            m: m, n: n, k: k, groups: groups, type: type, microseconds: 0)
        let shapes = grouped[type.index]
        let base =
            model?.time.count
            ?? shapes.roofline(flops: row.flops, operations: Double(groups))
        if let time = shapes.time(row.place, base: base) { return time }
        guard model == nil else { return nil }
        return product(m: m, n: n, k: k, type: type, model: nil).map {
            KernelTime(Double(groups) * $0.time, min($0.provenance, .interpolated))
        }
    }

    func attention(_ shape: AttentionShape, type: Precision, model: KernelTime?) -> KernelTime? {
        let shapes = attention[type.index]
        let row = Calibration.Attention(
            sequences: shape.sequences, length: shape.queryLength, heads: shape.heads,
            headDim: shape.headDim, pass: shape.pass, type: type, microseconds: 0)
        let base = model?.time.count ?? shapes.roofline(flops: shape.flops)
        return shapes.time(row.place, base: base)
    }

    /// A kernel of a kind that was measured, over so many numbers.
    func kernel(_ kind: Calibration.KernelKind, _ pass: Pass, numbers: Int) -> KernelTime? {
        guard let curve = kernels[kind]?[pass], !curve.isEmpty else { return nil }
        let size = Double(numbers)
        return KernelTime(
            Seconds(curve.time(size)), curve.covers(size) ? .measured : .interpolated)
    }

    /// A kernel that moves `bytes`, read and written together.
    func moving(bytes: Double) -> KernelTime? {
        guard !copies.isEmpty else { return nil }
        return KernelTime(Seconds(max(operation, copies.time(bytes))), .interpolated)
    }

    var hasMoves: Bool { !copies.isEmpty }
    var hasAttention: Bool { attention.contains { !$0.corrections.isEmpty } }
    func hasProducts(_ type: Precision) -> Bool { !products[type.index].corrections.isEmpty }
}

/// A measured operation with a shape.
private protocol MeasuredShape {
    var place: SIMD4<Double> { get }
    var flops: Double { get }
    var operations: Double { get }
    var microseconds: Double { get }
    func modelled(_ models: KernelModels) -> Double
}

extension CalibratedKernels {
    private static func shapes(
        _ rows: [some MeasuredShape], start: Double, models: KernelModels?
    ) -> Shapes {
        var shapes = Shapes()
        // The operation's own part cannot be more than what the shortest of them took.
        let least = rows.map { 1e-6 * $0.microseconds / $0.operations }.min() ?? 0
        shapes.start = min(start, 0.9 * least)
        shapes.rateMax =
            rows.map { row in
                row.flops
                    / max(1e-9, 1e-6 * row.microseconds - shapes.start * row.operations)
            }.max() ?? 1
        shapes.corrections = ShapeCorrections(
            rows.map { row in
                let base =
                    models.map(row.modelled)
                    ?? shapes.roofline(flops: row.flops, operations: row.operations)
                return (row.place, log(1e-6 * row.microseconds / max(1e-12, base)))
            })
        return shapes
    }
}

extension Calibration.Product: MeasuredShape {
    fileprivate var place: SIMD4<Double> { [octaves(m), octaves(n), octaves(k), octaves(groups)] }
    fileprivate var operations: Double { Double(groups) }
    fileprivate func modelled(_ models: KernelModels) -> Double {
        groups == 1
            ? models.product(m: m, n: n, k: k, precision: type).time.count
            : models.groupedProduct(rows: m * groups, groups: groups, n: n, k: k, precision: type)
                .time.count
    }
}

extension Calibration.Attention: MeasuredShape {
    fileprivate var shape: AttentionShape {
        AttentionShape(
            sequences: sequences, queryLength: length, keyLength: length, heads: heads,
            keyValueHeads: heads, headDim: headDim, valueHeadDim: headDim, isCausal: true,
            pass: pass)
    }
    fileprivate var place: SIMD4<Double> {
        // Directions lie so far apart that one tells nothing of the other.
        [octaves(length), octaves(sequences * heads), octaves(headDim), pass == .forward ? 0 : 32]
    }
    fileprivate var flops: Double { shape.flops }
    fileprivate var operations: Double { 1 }
    fileprivate func modelled(_ models: KernelModels) -> Double {
        models.attention(shape, precision: type).time.count
    }
}
