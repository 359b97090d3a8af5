import ApusBase
package import ApusPlan

/// All of a step's memory that is the same for every stage, schedule and data degree.
///
/// A search builds it once for each way to slice and recompute a layer, then asks for stages.
package struct MemoryTerms: Hashable, Sendable {
    package var weights: LayerWeights
    /// `nil` where the model has no such layers.
    package var dense: LayerMemory
    package var sparse: LayerMemory
    /// The residual stream of one micro-batch between two stages.
    package var stream: Double
    /// Logits and their gradient.
    package var logits: Double
    /// Bytes of a weight's compute copy, of its gradient, and of all the optimizer keeps for it.
    package var weightBytes: Double
    package var gradientBytes: Double
    package var optimizerBytes: Double
    package var accumulatesInProducts: Bool
    package var isRecomputing: Bool

    package init(_ step: Step) {
        self.init(
            LayerShape(step), stored: step.plan.degrees, workload: step.workload)
    }

    /// The terms of a sliced layer whose weights are stored under `stored`.
    package init(_ shape: LayerShape, stored: Degrees, workload: Workload) {
        let implementation = shape.implementation
        weights = LayerWeights(
            model: shape.model, stored: stored,
            vocabularyMultiple: max(1, implementation.vocabularyMultiple))
        dense = shape.layer(isDense: true)
        sparse = shape.model.hasExperts ? shape.layer(isDense: false) : LayerMemory()
        stream = shape.stream
        weightBytes = Double(max(2, workload.precision.byteCount))
        gradientBytes = Double(implementation.gradientPrecision.byteCount)
        let master = workload.precision.byteCount < 4 ? 4.0 : 0
        optimizerBytes = master + 2 * Double(workload.optimizerPrecision.byteCount)
        accumulatesInProducts = implementation.accumulatesInProducts
        isRecomputing = shape.recompute == .full
        let scores = shape.tokens * Double(shape.model.vocabularySize) / shape.tensor
        let element = shape.element
        logits = scores * (implementation.fusedCrossEntropy ? element : 2 * element + 4)
    }
}

/// What a stage's memory depends on beyond `MemoryTerms`.
package struct StageLoad: Hashable, Sendable {
    package var layers: StageLayers
    /// In whole stages: see `Plan.microBatchesInFlight`.
    package var inFlight: Double
    package var zeroStage: Int
    /// Ranks that hold the same dense weights, and the same experts.
    package var dataRanks: Int
    package var expertDataRanks: Int
    package var tiesEmbeddings: Bool
    package var isPipelined: Bool

    package init(
        layers: StageLayers, inFlight: Double, zeroStage: Int, dataRanks: Int,
        expertDataRanks: Int, tiesEmbeddings: Bool, isPipelined: Bool
    ) {
        self.layers = layers
        self.inFlight = inFlight
        self.zeroStage = zeroStage
        self.dataRanks = dataRanks
        self.expertDataRanks = expertDataRanks
        self.tiesEmbeddings = tiesEmbeddings
        self.isPipelined = isPipelined
    }
}

extension MemoryTerms {
    /// What one rank of a stage holds at its fullest moment.
    package func memory(of load: StageLoad) -> StageMemory {
        var result = working(of: load)
        let states = states(of: load)
        result.weights = states.weights
        result.gradients = states.gradients
        result.optimizer = states.optimizer
        return result
    }

    /// Weights, gradients and what the optimizer keeps, which no micro-batch changes.
    package func states(of load: StageLoad) -> StageMemory {
        let layers = load.layers
        var common = Double(layers.dense) * weights.dense + Double(layers.sparse) * weights.sparse
        if layers.hasEmbedding { common += weights.vocabulary + weights.positions }
        if layers.hasHead {
            common += weights.finalNorm
            if !(load.tiesEmbeddings && layers.hasEmbedding) { common += weights.vocabulary }
        }
        let experts = Double(layers.sparse) * weights.experts
        func size(_ bytes: Double, sharded: Bool) -> Bytes {
            let data = sharded ? Double(load.dataRanks) : 1
            let expertData = sharded ? Double(load.expertDataRanks) : 1
            return Bytes(rounding: bytes * (common / data + experts / expertData))
        }
        var result = StageMemory()
        result.weights = size(weightBytes, sharded: load.zeroStage >= 3)
        result.gradients = size(gradientBytes, sharded: load.zeroStage >= 2)
        result.optimizer = size(optimizerBytes, sharded: load.zeroStage >= 1)
        return result
    }

    /// Everything but the states, which no ZeRO stage changes.
    package func working(of load: StageLoad) -> StageMemory {
        let layers = load.layers
        let dense = Double(layers.dense)
        let sparse = Double(layers.sparse)
        var result = StageMemory()
        let kept = dense * self.dense.kept + sparse * self.sparse.kept
        result.activations = Bytes(rounding: load.inFlight * kept)
        var peak = 0.0
        if layers.dense > 0 { peak = self.dense.peak }
        if layers.sparse > 0 { peak = max(peak, self.sparse.peak) }
        var placeholders = 0.0
        if accumulatesInProducts {
            placeholders =
                (layers.dense > 0 ? weights.denseShapes : 0)
                + (layers.sparse > 0 ? weights.sparseShapes : 0)
                + (layers.hasHead ? weights.vocabulary : 0)
            placeholders *= weightBytes
        } else {
            peak += weights.largest * weightBytes
        }
        // The head's backward is over before that of the last layer begins.
        let head = layers.hasHead ? logits + 2 * stream : 0
        let transient = max(head, peak)
        let logitsPart = min(head, transient)
        result.logits = Bytes(rounding: logitsPart)
        let boundary = load.isPipelined ? 2 * stream * load.inFlight : 0
        result.buffers = Bytes(
            rounding: transient - logitsPart + placeholders + boundary + MemoryConstants.workspace)
        let moving = Double((result.activations + result.logits + result.buffers).count)
        result.fragmentation = Bytes(rounding: MemoryConstants.fragmentation * moving)
        result.context = Bytes(rounding: MemoryConstants.context)
        return result
    }
}

extension Bytes {
    /// The nearest whole number of bytes; what no `Int` holds becomes the largest one that sums of
    /// a few such sizes still fit.
    init(rounding size: Double) {
        self.init(size < 0x1p58 ? Int(max(0, size).rounded()) : 1 << 58)
    }
}
