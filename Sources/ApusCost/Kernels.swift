import ApusBase
package import ApusPlan

/// The time of single kernels on one GPU, as functions of their shapes.
///
/// What was measured on the cluster itself comes first. Elsewhere curves count that are fitted to
/// measurements of the GPU or a sibling of it, and where there are none, a typical GPU's shares of
/// the peak rate and of the memory's bandwidth.
package struct Kernels: Sendable {
    private let models: KernelModels
    private let calibrated: CalibratedKernels?
    /// Whether the models are of this GPU or a sibling, so that measured times correct them.
    private let hasOwnModels: Bool
    private let bytesPerSecond: Double

    package init(gpu: GPU, calibration: Calibration? = nil) {
        let models = KernelModels(gpu: gpu)
        let hasOwnModels = ReferenceGPU(gpu).provenance > .roofline
        self.models = models
        self.hasOwnModels = hasOwnModels
        calibrated = calibration.map {
            CalibratedKernels($0, models: hasOwnModels ? models : nil)
        }
        bytesPerSecond = max(1, gpu.memoryBandwidthGBPerSecond * 1e9)
    }

    /// The time of a dense product `[m, k] · [k, n]`.
    package func product(m: Int, n: Int, k: Int, precision: Precision) -> KernelTime {
        let model = models.product(m: m, n: n, k: k, precision: precision)
        guard m > 0, n > 0, k > 0 else { return model }
        let type = measuredType(precision)
        let found = calibrated?.product(
            m: m, n: n, k: k, type: type, model: hasOwnModels ? model : nil)
        return found ?? model
    }

    /// The time of one product per expert, in one kernel: `rows` over all `groups`, each with its
    /// own `[k, n]`.
    ///
    /// `imbalance` is the fullest group's rows over the mean.
    package func groupedProduct(
        rows: Int, groups: Int, n: Int, k: Int, precision: Precision, imbalance: Double = 1
    ) -> KernelTime {
        let model = models.groupedProduct(
            rows: rows, groups: groups, n: n, k: k, precision: precision, imbalance: imbalance)
        guard rows > 0, groups > 0, n > 0, k > 0 else { return model }
        let found = calibrated?.groupedProduct(
            m: max(1, rows / max(1, groups)), groups: groups, n: n, k: k,
            type: measuredType(precision), model: hasOwnModels ? model : nil)
        return found ?? model
    }

    /// The time of fused attention; a causal query sees the keys up to its own place, the last
    /// query all of them.
    package func attention(
        sequences: Int, queryLength: Int, keyLength: Int, heads: Int, keyValueHeads: Int,
        headDim: Int, valueHeadDim: Int, isCausal: Bool, precision: Precision, pass: Pass
    ) -> KernelTime {
        let shape = AttentionShape(
            sequences: sequences, queryLength: queryLength, keyLength: keyLength, heads: heads,
            keyValueHeads: keyValueHeads, headDim: headDim, valueHeadDim: valueHeadDim,
            isCausal: isCausal, pass: pass)
        let model = models.attention(shape, precision: precision)
        guard shape.isValid else { return model }
        let found = calibrated?.attention(
            shape, type: precision, model: hasOwnModels ? model : nil)
        return found ?? model
    }

    /// The time of a kernel that only moves `bytes`, read and written together.
    ///
    /// Assumption: 85 % of the bandwidth, what copies reach on all recent GPUs, and 3 µs that a
    /// kernel takes at least.
    package func elementwise(bytes: Double) -> KernelTime {
        calibrated?.moving(bytes: bytes)
            ?? KernelTime(Seconds(3e-6 + max(0, bytes) / (0.85 * bytesPerSecond)), .roofline)
    }

    /// The time of a kernel of a kind that was measured on the cluster, or `nil`.
    func measured(_ kind: Calibration.KernelKind, _ pass: Pass, numbers: Int) -> KernelTime? {
        calibrated?.kernel(kind, pass, numbers: numbers)
    }

    // What a step does with weights, where that was measured on the cluster.
    func clearing(weights: Int) -> Seconds? {
        measured(.clearing, .forward, numbers: weights)?.time
    }
    func gradientNorm(weights: Int) -> Seconds? {
        measured(.gradientNorm, .forward, numbers: weights)?.time
    }
    func update(weights: Int) -> Seconds? {
        measured(.optimizer, .forward, numbers: weights)?.time
    }

    /// Whether products of a type were measured on the cluster, with all that belongs to them.
    func hasMeasuredProducts(_ precision: Precision) -> Bool {
        calibrated?.hasProducts(measuredType(precision)) ?? false
    }

    var hasMeasuredMoves: Bool { calibrated?.hasMoves ?? false }
    var hasMeasuredAttention: Bool { calibrated?.hasAttention ?? false }

    /// The type whose measurements stand for products in `precision`.
    ///
    /// A processor has no TF32; what frameworks compute in it there is FP32.
    private func measuredType(_ precision: Precision) -> Precision {
        guard precision == .tf32, let calibrated, !calibrated.hasProducts(.tf32) else {
            return precision
        }
        return .fp32
    }
}
