import ApusBase
import ApusCost
import ApusPlan

/// What the strategies with one slicing and one pipeline degree share during a search.
struct PipelineState {
    let degrees: Degrees
    /// Sequences of a batch on one batch replica.
    let share: Int
    let splits: [Split]
    let zeroStages: ClosedRange<Int>
    let placements: [Plan.Placement]
    /// For each placement, the index of its domain: how many ranks of a stage share the fastest
    /// link.
    let domains: [Int]
    /// What the first stage holds at least: of the splits, those with the fewest layers.
    let firstStages: [StageLayers]
    /// For each placement and split, what the weights of each kind cost; priced when needed.
    var stateCosts: [[[StateCost]?]]
    /// The fastest strategies with these degrees.
    var near = NearTies()

    init(_ degrees: Degrees, domains: [Int], problem: SearchProblem) {
        self.degrees = degrees
        share = problem.space.sequences / degrees.data
        splits = problem.splits[degrees.pipeline] ?? []
        firstStages = problem.firstStages[degrees.pipeline] ?? []
        zeroStages = problem.space.zeroStages(degrees)
        placements = problem.space.placements(pipeline: degrees.pipeline)
        self.domains = placements.map { placement in
            let domain = problem.domain(placement, pipeline: degrees.pipeline)
            return domains.firstIndex(of: domain) ?? 0
        }
        let unpriced: [[StateCost]?] = splits.map { _ in nil }
        stateCosts = placements.map { _ in unpriced }
    }

    /// The least that a rank holds, by ZeRO stage: what the first stage does with the fewest layers
    /// that any schedule gives it.
    ///
    /// Under no schedule the first stage keeps fewer micro-batches in flight than under 1F1B.
    func memoryFloor(
        _ terms: MemoryTerms, microBatches: Int, tiesEmbeddings: Bool
    ) -> SIMD4<Double> {
        let leastInFlight = Plan.Schedule.oneForwardOneBackward.microBatchesInFlight(
            stage: 0, pipeline: degrees.pipeline, chunks: 1, microBatches: max(1, microBatches))
        var load = StageLoad(
            layers: StageLayers(), inFlight: leastInFlight,
            zeroStage: 0, degrees: degrees, tiesEmbeddings: tiesEmbeddings)
        var result = SIMD4<Double>(repeating: .infinity)
        for layers in firstStages {
            load.layers = layers
            for zeroStage in zeroStages {
                load.zeroStage = zeroStage
                result[zeroStage] = min(result[zeroStage], terms.total(of: load))
            }
        }
        return LengthSearch.rounding * result
    }

    /// The peak over stages under a schedule, in bytes.
    func memory(
        _ terms: MemoryTerms, _ schedule: Plan.Schedule, zeroStage: Int, split: Int,
        microBatches: Int, tiesEmbeddings: Bool
    ) -> Double {
        var load = StageLoad(
            layers: StageLayers(), inFlight: 0, zeroStage: zeroStage, degrees: degrees,
            tiesEmbeddings: tiesEmbeddings)
        var peak = 0.0
        for kind in splits[split].kinds {
            load.layers = kind.layers
            for stage in kind.first == kind.last ? [kind.first] : [kind.first, kind.last] {
                load.inFlight = schedule.microBatchesInFlight(
                    stage: stage, pipeline: degrees.pipeline, chunks: splits[split].chunks,
                    microBatches: microBatches)
                load.postponed = schedule.microBatchesPostponed(
                    stage: stage, pipeline: degrees.pipeline, microBatches: microBatches)
                peak = max(peak, terms.total(of: load))
            }
        }
        return peak
    }
}

/// What limits a strategy at best, before it is priced.
struct Floor {
    /// Seconds.
    var time: Double
    /// Bytes by ZeRO stage.
    var memory: SIMD4<Double>
    /// Seconds.
    var firstToken: Double
}
