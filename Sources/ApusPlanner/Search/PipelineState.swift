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
    /// For each placement, how many ranks of a stage share the fastest link.
    let domains: [Int]
    /// Bytes of states of the whole model on one pipeline, by ZeRO stage.
    let wholeStates: [Int]
    /// For each placement and split, what the weights of each kind cost; priced when needed.
    var stateCosts: [[[StateCost]?]]
    var group = Ranking.Group()
}

/// The price of one micro-batch of a slicing where so many ranks of a stage share the fastest link.
struct PlacedPrices {
    let layers: LayerPrices
    let request: RequestPricer
}

/// How a strategy overlaps: what it asks for, and whether its schedule has several chunks on a rank.
struct OverlapVariant: Hashable {
    var overlap: Bool
    var hasChunks: Bool
}
