package import ApusBase

/// What disturbs a step, as an input of its simulation.
package struct Conditions: Hashable, Sendable {
    /// A rank whose computation takes `factor` times as long.
    package struct SlowRank: Hashable, Sendable {
        package var rank: Rank
        package var factor: Double

        package init(rank: Rank, factor: Double) {
            self.rank = rank
            self.factor = factor
        }
    }

    /// A stage all ranks of which compute `factor` times as long.
    package struct SlowStage: Hashable, Sendable {
        package var stage: Stage
        package var factor: Double

        package init(stage: Stage, factor: Double) {
            self.stage = stage
            self.factor = factor
        }
    }

    /// Links on which each transfer takes `factor` times as long.
    package struct SlowLink: Hashable, Sendable {
        package enum Place: Hashable, Sendable {
            /// A level of the cluster's network, by its index from the innermost.
            case level(Int)
            /// What two stages send each other.
            case stages(Int, Int)
        }

        package var place: Place
        package var factor: Double

        package init(place: Place, factor: Double) {
            self.place = place
            self.factor = factor
        }
    }

    package var slowRanks: [SlowRank] = []
    package var slowStages: [SlowStage] = []
    package var slowLinks: [SlowLink] = []
    /// The share of all rows that goes to the ranks of one expert share, in place of an even one.
    package var hotExpertShare: Double?
    /// The relative standard deviation of each instruction's computation.
    package var jitter = 0.0
    /// What `jitter` is drawn from.
    package var seed: UInt64 = 1

    package init() {}

    /// How many times as long every rank of a stage computes.
    func slowness(of stage: Stage) -> Double {
        slowStages.reduce(1) { $1.stage == stage ? $0 * $1.factor : $0 }
    }

    /// Whether some ranks of a stage behave unlike others.
    var tellsRanksApart: Bool { !slowRanks.isEmpty || hotExpertShare != nil }
}

/// Draws the disturbance of one instruction; a pure function of seed, rank and instruction.
struct Jitter {
    private let deviation: Double
    private let state: UInt64

    init(_ conditions: Conditions, rank: Rank) {
        deviation = conditions.jitter
        state = mixed(conditions.seed &+ mixed(UInt64(rank.index) &+ 1))
    }

    var isSilent: Bool { deviation == 0 }

    /// A factor with mean 1: the sum of four even draws, which is nearly normal and needs no
    /// function that machines round differently.
    func factor(instruction: Int) -> Double {
        var generator = SeededGenerator(seed: state &+ mixed(UInt64(instruction)))
        var sum = -2.0
        for _ in 0..<4 { sum += generator.nextUnit() }
        return max(0, 1 + deviation * sum * Self.scale)
    }

    /// The sum of four even draws has a variance of a third.
    private static let scale = 3.0.squareRoot()
}
