import ApusBase
import ApusCost
import ApusPlan

/// What a search keeps of the prices and sizes of one sequence length.
struct LengthTables {
    let length: Int
    let workload: Workload
    var prices: PartPrices
    /// The sizes of a layer, whose cuts are set before each use.
    private var layerShape: LayerShape

    init(_ problem: SearchProblem, length: Int) {
        self.length = length
        workload = problem.workload
        let step = problem.step(Strategy(degrees: Degrees()), length: length)
        layerShape = LayerShape(step)
        prices = PartPrices(step: step, model: problem.costModel)
    }

    /// The memory of a strategy's layers, whose weights are stored under `degrees`.
    mutating func terms(_ strategy: Strategy, stored degrees: Degrees) -> MemoryTerms {
        layerShape.degrees = strategy.degrees
        layerShape.sequencesPerMicroBatch = strategy.microBatchSize
        layerShape.sequenceParallel = strategy.sequenceParallel
        layerShape.recompute = strategy.recompute
        return MemoryTerms(layerShape, stored: degrees, workload: workload)
    }
}
