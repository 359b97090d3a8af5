import ApusBase
package import ApusPlan

/// All of a step's memory that is the same for every stage, schedule and data degree.
///
/// A search builds it once for each way to slice and recompute a layer, and asks it for stages.
package struct MemoryTerms: Hashable, Sendable {
    package var weights: LayerWeights
    package var dense: LayerMemory
    /// A layer with experts.
    package var sparse: LayerMemory
    /// The residual stream of one micro-batch, as stages send it.
    package var stream: Double
    /// What the head holds of one micro-batch.
    package var head: Double
    /// Bytes of a weight's compute copy, of its gradient, and of all the optimizer keeps for it.
    package var weightBytes: Double
    package var gradientBytes: Double
    package var optimizerBytes: Double
    /// Whether products add weight gradients where they are kept.
    package var accumulatesInProducts: Bool

    package init(_ step: Step) {
        self.init(LayerShape(step), stored: step.plan.degrees, workload: step.workload)
    }

    /// The terms of layers that compute in a shape while their weights are stored under `stored`.
    package init(_ shape: LayerShape, stored: Degrees, workload: Workload) {
        let implementation = shape.implementation
        weights = LayerWeights(
            model: shape.model, stored: stored,
            vocabularyMultiple: implementation.vocabularyMultiple)
        dense = shape.layer(isDense: true)
        sparse = shape.model.hasExperts ? shape.layer(isDense: false) : LayerMemory()
        stream = shape.stream
        // FP8 weights have a transposed copy beside them.
        weightBytes = Double(workload.precision.elementBytes)
        gradientBytes = Double(implementation.gradientPrecision.byteCount)
        optimizerBytes = Double(
            workload.masterByteCount + 2 * workload.optimizerPrecision.byteCount)
        accumulatesInProducts = implementation.accumulatesInProducts
        head = shape.head(
            paddedVocabulary: weights.paddedVocabulary,
            weightGradient: accumulatesInProducts ? 0 : weights.vocabulary * weightBytes)
    }
}

extension MemoryTerms {
    /// What one rank of a stage holds at its fullest moment, in bytes, and between two steps.
    struct StageSizes {
        var weights: Double
        var gradients: Double
        var optimizer: Double
        var activations: Double
        var logits: Double
        /// What passes beyond `logits`: of the two peaks one is over before the other begins.
        var passing: Double
        /// What one boundary of the pipeline receives and sends.
        var boundary: Double
        /// Buffers that live as long as the process.
        var lasting: Double
        /// Inputs of chunks and their gradients, which outlive a step.
        var inputs: Double

        /// What backward and forward take and give back.
        var moving: Double { activations + logits + passing + boundary }
        var fragmentation: Double { MemoryConstants.fragmentation * moving }
        var total: Double {
            weights + gradients + optimizer + lasting + moving + fragmentation
                + MemoryConstants.context
        }
    }

    func sizes(of load: StageLoad) -> StageSizes {
        let layers = load.layers
        let sparseCount = Double(layers.sparse)
        let common = weights.common(of: layers, tiesEmbeddings: load.tiesEmbeddings)
        let experts = sparseCount * weights.experts
        let whole = common + experts
        let sharded =
            common / Double(load.dataRanks) + experts / Double(load.expertDataRanks)

        let logits = layers.hasHead ? head : 0
        return StageSizes(
            weights: weightBytes * (load.zeroStage >= 3 ? sharded : whole),
            gradients: gradientBytes * (load.zeroStage >= 2 ? sharded : whole),
            optimizer: optimizerBytes * (load.zeroStage >= 1 ? sharded : whole),
            activations: activations(in: load),
            logits: logits, passing: max(0, passing(in: load) - logits),
            boundary: load.isPipelined ? 2 * stream : 0,
            lasting: lasting(in: layers), inputs: 2 * Double(load.receivingChunks) * stream)
    }

    /// What forward left for backward, and the first half of a split backward for the second.
    private func activations(in load: StageLoad) -> Double {
        let (denseCount, sparseCount) = (Double(load.layers.dense), Double(load.layers.sparse))
        let kept = denseCount * dense.kept + sparseCount * sparse.kept
        let factors = denseCount * dense.factors + sparseCount * sparse.factors
        return load.inFlight * kept + load.postponed.beside * factors
            + load.postponed.instead * max(0, factors - kept)
    }

    /// The most that the backward of one layer adds to all that is kept.
    private func passing(in load: StageLoad) -> Double {
        let layers = load.layers
        var result = 0.0
        var unit = layers.hasEmbedding || layers.hasHead ? weights.vocabulary : 0
        if layers.dense > 0 {
            result = dense.passing
            unit = max(unit, weights.dense)
        }
        if layers.sparse > 0 {
            result = max(result, sparse.passing)
            unit = max(unit, weights.sparse + weights.experts)
        }
        if !accumulatesInProducts { result += weights.largest * weightBytes }
        // Assumption: sharded weights are gathered by layers, one ahead; sharded gradients are
        // reduced layer by layer.
        if load.zeroStage >= 3 { result += 2 * unit * weightBytes }
        if load.zeroStage >= 2 { result += unit * gradientBytes }
        return result
    }

    /// Workspaces, and where products add weight gradients in place, the gradient of each shape
    /// that the framework is given instead (Transformer Engine keeps one for all weights of it).
    private func lasting(in layers: StageLayers) -> Double {
        var result = MemoryConstants.workspace
        if layers.sparse > 0 { result += MemoryConstants.groupedWorkspace }
        guard accumulatesInProducts else { return result }
        var shapes = layers.hasHead ? weights.vocabulary : 0
        if layers.dense > 0 { shapes += weights.denseShapes }
        if layers.sparse > 0 { shapes += weights.sparseShapes }
        return result + shapes * weightBytes
    }
}

extension MemoryTerms {
    /// What one rank of a stage holds at its fullest moment, by component.
    package func memory(of load: StageLoad) -> StageMemory {
        let sizes = sizes(of: load)
        var result = StageMemory()
        result.weights = Bytes(rounding: sizes.weights)
        result.gradients = Bytes(rounding: sizes.gradients)
        result.optimizer = Bytes(rounding: sizes.optimizer)
        result.activations = Bytes(rounding: sizes.activations)
        result.logits = Bytes(rounding: sizes.logits)
        result.buffers = Bytes(rounding: sizes.passing + sizes.boundary + sizes.lasting)
        result.fragmentation = Bytes(rounding: sizes.fragmentation)
        result.context = Bytes(rounding: MemoryConstants.context)
        result.steady =
            result.weights + result.gradients + result.optimizer
            + Bytes(rounding: sizes.lasting + sizes.inputs)
        return result
    }

    /// All that one rank of a stage needs of its device, in bytes.
    package func total(of load: StageLoad) -> Double { sizes(of: load).total }
}

extension Bytes {
    /// The nearest whole number of bytes.
    ///
    /// A size beyond any machine becomes one of which a few still add up without overflow.
    init(rounding size: Double) {
        self.init(size < 0x1p58 ? Int(max(0, size).rounded()) : 1 << 58)
    }
}
