import ApusBase
import ApusPlan
import ApusProgram

/// What the ranks tell each other once per step, in one message of FP64 numbers.
///
/// Every entry is contributed by one rank, or is a whole number, so the sum over ranks has the same
/// bits on each of them and in every layout. Only the loss and the times are added up.
struct StepStatistics {
    private let names: [String: Int]
    private let layerCount: Int
    private let expertCount: Int
    private let worldSize: Int
    private let layout: StatisticsLayout
    /// The message, in the order of `layout`.
    var values: [Double]

    init(model: Model, worldSize: Int) {
        var names: [String: Int] = [:]
        for parameter in model.parameters {
            for piece in parameter.pieces { names[piece.name] = names.count }
        }
        self.names = names
        layerCount = model.layerCount
        expertCount = model.expertCount
        self.worldSize = worldSize
        layout = StatisticsLayout(model: model, worldSize: worldSize)
        values = [Double](repeating: 0, count: layout.count)
    }

    mutating func clear() {
        values = [Double](repeating: 0, count: layout.count)
    }

    var loss: Double {
        get { values[StatisticsLayout.loss] }
        set { values[StatisticsLayout.loss] = newValue }
    }

    /// How many ranks ask to stop after this step; all see the same number, so all stop together.
    var stopRequests: Double {
        get { values[StatisticsLayout.stopRequests] }
        set { values[StatisticsLayout.stopRequests] = newValue }
    }

    mutating func setSquaredNorm(_ value: Double, of name: String) {
        guard let index = names[name] else { preconditionFailure("no weight `\(name)`") }
        values[layout.norms.lowerBound + index] = value
    }

    /// The norm of all gradients together, added in the order of the model's weights.
    var gradientNorm: Double { values[layout.norms].reduce(0, +).squareRoot() }

    mutating func addLoads(_ counts: [Int], layer: Int) {
        let start = layout.loads.lowerBound + layer * expertCount
        for (expert, count) in counts.enumerated() { values[start + expert] += Double(count) }
    }

    /// Assignments of each expert in one layer.
    func loads(layer: Int) -> ArraySlice<Double> {
        let start = layout.loads.lowerBound + layer * expertCount
        return values[start..<(start + expertCount)]
    }

    /// Assignments by layer and expert.
    var expertLoads: [[Int]] {
        (0..<layerCount).map { layer in loads(layer: layer).map { Int($0) } }
    }

    mutating func setUse(
        rank: Rank, memoryPeak: Bytes, communication: Double, bubble: Double, computation: Double
    ) {
        let start = layout.use.lowerBound + StatisticsLayout.figuresPerRank * rank.index
        values[start] = Double(memoryPeak.count)
        values[start + 1] = communication
        values[start + 2] = bubble
        values[start + 3] = computation
    }

    var memoryPeakMax: Bytes {
        Bytes(
            Int(
                stride(
                    from: layout.use.lowerBound, to: layout.count,
                    by: StatisticsLayout.figuresPerRank
                ).map { values[$0] }.max() ?? 0))
    }
    var communicationMean: Double { mean(offset: 1) }
    var bubbleMean: Double { mean(offset: 2) }

    /// Computation for micro-batches, averaged over the ranks of each stage.
    func computationMeans(by mesh: Mesh) -> [Double] {
        var sums = [Double](repeating: 0, count: mesh.degrees.pipeline)
        for rank in 0..<worldSize {
            let start = layout.use.lowerBound + StatisticsLayout.figuresPerRank * rank
            sums[mesh.position(of: Rank(rank)).stage.index] += values[start + 3]
        }
        return sums.map { $0 / Double(mesh.degrees.stageSize) }
    }

    /// Standard deviation ÷ mean of assignments per expert, per layer, averaged.
    var expertLoadCV: Double {
        let ratios = (0..<layerCount).map { layer -> Double in
            let loads = loads(layer: layer)
            let mean = loads.reduce(0, +) / Double(expertCount)
            guard mean > 0 else { return 0 }
            let variance = loads.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(expertCount)
            return variance.squareRoot() / mean
        }
        return layerCount == 0 ? 0 : ratios.reduce(0, +) / Double(layerCount)
    }

    private func mean(offset: Int) -> Double {
        let sum = stride(
            from: layout.use.lowerBound + offset, to: layout.count,
            by: StatisticsLayout.figuresPerRank
        )
        .reduce(0) { $0 + values[$1] }
        return sum / Double(worldSize)
    }
}
