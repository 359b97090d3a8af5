package import ApusBase
package import ApusPlan

/// The split of a model's layers over virtual stages that makes the slowest stage fastest.
///
/// Embedding, head, dense layers and layers with experts weigh what the cost model says, and a
/// stage may be slower than the others by a factor. It is the one place that decides a split.
///
/// With one chunk on each rank the split is exact (a dynamic programme over layers), and so it is
/// with several where all layers are of one kind. Where kinds mix over several chunks, layers are
/// moved one by one as long as that helps.
package struct LayerBalance: Sendable {
    /// What a stage with some layers takes in a step, and what of it a slow rank stretches.
    package struct Load: Hashable, Sendable {
        package var total: Double
        package var computation: Double

        package init(total: Double, computation: Double) {
            self.total = total
            self.computation = computation
        }

        func stretched(by factor: Double) -> Double { total + (factor - 1) * computation }
    }

    private let shape: VirtualStages
    private let layerCount: Int
    /// Dense layers before each layer, and before the end.
    private let denseBefore: [Int]
    private let load: @Sendable (StageLayers) -> Load

    package init(
        _ shape: VirtualStages, model: Model, load: @escaping @Sendable (StageLayers) -> Load
    ) {
        self.shape = shape
        layerCount = model.layerCount
        var denseBefore = [0]
        for layer in 0..<model.layerCount {
            denseBefore.append(denseBefore[layer] + (model.isDense(layer) ? 1 : 0))
        }
        self.denseBefore = denseBefore
        self.load = load
    }

    /// Layers of each virtual stage, from the embedding to the head.
    ///
    /// Of several splits with the same slowest stage it is the most even one.
    ///
    /// - Parameter slowness: how many times as long each stage computes; all alike where empty.
    /// - Returns: `nil` where there are fewer layers than virtual stages.
    package func split(slowness: [Double] = []) -> [Int]? {
        precondition(slowness.isEmpty || slowness.count == shape.stages, "one factor per stage")
        guard layerCount >= shape.count else { return nil }
        let slowness = slowness.isEmpty ? Array(repeating: 1, count: shape.stages) : slowness
        var times = StageTimes(load: load, slowness: slowness)
        if shape.chunks > 1 { return splitOverChunks(&times) }
        let fastest = cuts(&times) { max($0, $1) }
        return cuts(&times, limit: fastest.cost) { $0 + $1 * $1 }.counts
    }

    /// How long each stage takes in a step under a split.
    package func times(of counts: [Int], slowness: [Double] = []) -> [Seconds] {
        var times = StageTimes(
            load: load,
            slowness: slowness.isEmpty ? Array(repeating: 1, count: shape.stages) : slowness)
        return stageTimes(counts, &times).map { Seconds($0) }
    }

    // MARK: - One chunk on each rank

    /// The cheapest split into one range of layers per stage, of stages that take at most `limit`.
    private func cuts(
        _ times: inout StageTimes, limit: Double = .infinity,
        _ combine: (_ before: Double, _ stage: Double) -> Double
    ) -> (counts: [Int], cost: Double) {
        let stages = shape.stages
        // The cost of the first layers on the stages so far, and where the last of these begins.
        var best = [Double](repeating: .infinity, count: layerCount + 1)
        best[0] = 0
        var starts: [[Int]] = []
        for stage in 0..<stages {
            var next = [Double](repeating: .infinity, count: layerCount + 1)
            var start = [Int](repeating: stage, count: layerCount + 1)
            let last = layerCount - (stages - 1 - stage)
            for end in stride(from: stage + 1, through: last, by: 1) {
                for begin in stride(from: end - 1, through: stage, by: -1) {
                    let time = times.time(of: layers([begin..<end], on: stage), on: stage)
                    // With more layers the stage only takes longer.
                    if time > limit || combine(0, time) >= next[end] { break }
                    let cost = combine(best[begin], time)
                    if cost < next[end] { (next[end], start[end]) = (cost, begin) }
                }
            }
            starts.append(start)
            best = next
        }
        var counts = [Int](repeating: 0, count: stages)
        var end = layerCount
        for stage in (0..<stages).reversed() {
            counts[stage] = end - starts[stage][end]
            end = starts[stage][end]
        }
        return (counts, best[layerCount])
    }

    // MARK: - Several chunks on each rank

    private func splitOverChunks(_ times: inout StageTimes) -> [Int] {
        var held = [Int](repeating: shape.chunks, count: shape.stages)
        for _ in shape.count..<max(shape.count, layerCount) {
            // Times grow with each layer, so the best place for one more is the best of all.
            let costs = held.indices.map { stage in
                times.time(of: mixture(of: held[stage] + 1, on: stage), on: stage)
            }
            held[held.indices.min { costs[$0] < costs[$1] } ?? 0] += 1
        }
        var counts = [Int](repeating: 0, count: shape.count)
        for stage in held.indices {
            for (chunk, count) in evenSplit(held[stage], into: shape.chunks).enumerated() {
                counts[shape.index(stage: stage, chunk: chunk)] = count
            }
        }
        return moved(counts, &times)
    }

    /// Moves a layer from the slowest stage to another, again and again, as long as that helps.
    private func moved(_ start: [Int], _ times: inout StageTimes) -> [Int] {
        var counts = start
        var slowest = stageTimes(counts, &times).max() ?? 0
        for _ in 0..<layerCount {
            let current = stageTimes(counts, &times)
            let stage = current.firstIndex(of: slowest) ?? 0
            var improved: [Int]?
            for from in counts.indices where shape.stage(of: from) == stage && counts[from] > 1 {
                for to in counts.indices where shape.stage(of: to) != stage {
                    var candidate = counts
                    candidate[from] -= 1
                    candidate[to] += 1
                    let time = stageTimes(candidate, &times).max() ?? 0
                    if time < slowest { (improved, slowest) = (candidate, time) }
                }
            }
            guard let improved else { break }
            counts = improved
        }
        return counts
    }

    private func stageTimes(_ counts: [Int], _ times: inout StageTimes) -> [Double] {
        var ranges = [[Range<Int>]](repeating: [], count: shape.stages)
        var first = 0
        for (index, count) in counts.enumerated() {
            ranges[shape.stage(of: index)].append(first..<(first + count))
            first += count
        }
        return ranges.enumerated().map { stage, held in
            times.time(of: layers(held, on: stage), on: stage)
        }
    }

    // MARK: - What a stage holds

    private func layers(_ ranges: [Range<Int>], on stage: Int) -> StageLayers {
        var held = ends(of: stage)
        for range in ranges {
            let dense = denseBefore[range.upperBound] - denseBefore[range.lowerBound]
            held.dense += dense
            held.sparse += range.count - dense
        }
        return held
    }

    /// So many layers of the kinds that the model has, in its proportion.
    private func mixture(of count: Int, on stage: Int) -> StageLayers {
        var held = ends(of: stage)
        held.dense = count * denseBefore[layerCount] / layerCount
        held.sparse = count - held.dense
        return held
    }

    private func ends(of stage: Int) -> StageLayers {
        var held = StageLayers()
        held.hasEmbedding = stage == 0
        held.hasHead = stage == shape.headStage
        return held
    }
}

/// The times of stages, each asked for once.
private struct StageTimes {
    let load: (StageLayers) -> LayerBalance.Load
    let slowness: [Double]
    private var known: [StageLayers: LayerBalance.Load] = [:]

    init(load: @escaping (StageLayers) -> LayerBalance.Load, slowness: [Double]) {
        self.load = load
        self.slowness = slowness
    }

    mutating func time(of layers: StageLayers, on stage: Int) -> Double {
        if let load = known[layers] { return load.stretched(by: slowness[stage]) }
        let found = load(layers)
        known[layers] = found
        return found.stretched(by: slowness[stage])
    }
}
