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
    /// Whether a micro-batch may fit that is larger than all so far.
    var isOpen: [Bool] = []
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
