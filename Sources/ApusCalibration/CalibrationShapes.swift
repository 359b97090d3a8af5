package import ApusPlan

/// What is measured: the shapes of a model's operations, or a grid where none is given.
package struct CalibrationShapes: Hashable, Sendable {
    /// A weight `[outputs, inputs]`.
    struct Weight: Hashable, Sendable {
        var outputs: Int
        var inputs: Int
    }

    /// Rows of products with dense weights.
    var rows: [Int]
    var weights: [Weight]
    /// Experts on one rank, and rows of each of them.
    var expertCounts: [Int]
    var expertRows: [Int]
    var expertWeights: [Weight]
    var sequences: [Int]
    var lengths: [Int]
    var heads: [Int]
    var headDims: [Int]
    var width: Int
    var expertCount: Int
    var topK: Int
    var vocabulary: Int
    /// Numbers of the kernels that are neither product nor attention.
    var numbers: [Int]
    /// Weights of one rank.
    var weightCounts: [Int]
    /// The model whose islands are measured as wholes.
    var islands: IslandShapes?

    /// A grid that brackets models of a processor.
    package static let grid = CalibrationShapes(
        rows: [64, 256, 1024],
        weights: [64, 256, 1024].flatMap { outputs in
            [64, 256, 1024].map { Weight(outputs: outputs, inputs: $0) }
        },
        expertCounts: [2, 8], expertRows: [16, 128],
        expertWeights: [
            Weight(outputs: 128, inputs: 64), Weight(outputs: 64, inputs: 128),
            Weight(outputs: 1024, inputs: 256), Weight(outputs: 256, inputs: 512),
        ],
        sequences: [1, 4], lengths: [64, 256], heads: [4], headDims: [16, 64], width: 256,
        expertCount: 8, topK: 2, vocabulary: 512, numbers: [4096, 32_768, 262_144, 2_097_152],
        weightCounts: [65_536, 1_048_576, 8_388_608])

    /// The shapes that a model needs with sequences of one length, for as many micro-batches and
    /// ranks as a machine may have.
    package init(model: Model, length: Int) {
        let hidden = model.hiddenSize
        let queries = model.headCount * model.headDim
        let keys = model.keyValueHeadCount * model.headDim
        let tokens = [1, 2, 4, 8].map { $0 * length }.filter { $0 <= max(length, 4096) }
        rows = tokens
        var dense = [
            Weight(outputs: queries, inputs: hidden), Weight(outputs: keys, inputs: hidden),
            Weight(outputs: hidden, inputs: queries),
            Weight(outputs: model.vocabularySize, inputs: hidden),
        ]
        let experts = max(1, model.expertCount)
        if model.hasExperts { dense.append(Weight(outputs: experts, inputs: hidden)) }
        weights = dense.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        expertCounts = [1, 2, 4, 8].map { experts / $0 }.filter { $0 > 0 }
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        let least = max(1, length * model.topK / experts)
        expertRows = [1, 4, 16].map { $0 * least }
        expertWeights = [
            Weight(outputs: (model.isGated ? 2 : 1) * model.expertHiddenSize, inputs: hidden),
            Weight(outputs: hidden, inputs: model.expertHiddenSize),
        ]
        sequences = [1, 2, 4, 8].filter { $0 * length <= max(length, 4096) }
        lengths = [length]
        heads = [model.headCount]
        headDims = [model.headDim]
        width = hidden
        expertCount = experts
        topK = max(1, model.topK)
        vocabulary = model.vocabularySize
        let most = 8 * length * max(hidden * topK, queries, vocabulary)
        numbers = [4096, 32_768, 262_144, 2_097_152].filter { $0 <= max(32_768, 2 * most) }
        weightCounts = [65_536, 1_048_576, 8_388_608]
        if !model.hasExperts { (expertCounts, expertWeights) = ([], []) }
        islands = IslandShapes(model: model, length: length, expertCounts: expertCounts)
    }

    private init(
        rows: [Int], weights: [Weight], expertCounts: [Int], expertRows: [Int],
        expertWeights: [Weight], sequences: [Int], lengths: [Int], heads: [Int], headDims: [Int],
        width: Int, expertCount: Int, topK: Int, vocabulary: Int, numbers: [Int],
        weightCounts: [Int]
    ) {
        self.rows = rows
        self.weights = weights
        self.expertCounts = expertCounts
        self.expertRows = expertRows
        self.expertWeights = expertWeights
        self.sequences = sequences
        self.lengths = lengths
        self.heads = heads
        self.headDims = headDims
        self.width = width
        self.expertCount = expertCount
        self.topK = topK
        self.vocabulary = vocabulary
        self.numbers = numbers
        self.weightCounts = weightCounts
    }

    /// Fewer shapes, for a first look: the ends of each list.
    package var quick: CalibrationShapes {
        var result = self
        result.rows = ends(rows)
        result.expertCounts = ends(expertCounts)
        result.expertRows = ends(expertRows)
        result.sequences = ends(sequences)
        result.lengths = ends(lengths)
        result.numbers = ends(numbers)
        result.weightCounts = Array(weightCounts.prefix(2))
        if var islands {
            islands.sequences = ends(islands.sequences)
            islands.expertCounts = ends(islands.expertCounts)
            result.islands = islands
        }
        return result
    }

    private func ends(_ list: [Int]) -> [Int] {
        guard let first = list.first, let last = list.last, first != last else { return list }
        return [first, last]
    }
}
