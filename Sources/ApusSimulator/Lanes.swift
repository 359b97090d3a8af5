import ApusProgram

/// A queue as all its members see it: first in, first out.
struct Lane {
    /// The actors that take part, in order.
    var members: [Int]
    /// Ranks of one group, and of all groups that the lane stands for.
    var groupRanks: Int
    var rankCount: Int
    /// The level of the network that its transfers cross.
    var level: Int
    /// How many times as long its transfers take.
    var slowness: Double
    /// Whether all members are ranks of one stage.
    var isWithinStage: Bool
    /// The place of its first transfer among those of all lanes.
    var first = 0
    var count = 0
    var queue: Queue
}

/// All lanes of a job, and where each actor finds its own.
struct LaneTable {
    private(set) var lanes: [Lane] = []
    /// By actor and the index of its program's queue.
    private(set) var laneOf: [[Int]] = []
    private(set) var transferCount = 0

    init(
        _ actors: ActorSet, programs: [LoweredProgram], programOf: [Int],
        levels: (Queue) -> Int, conditions: Conditions
    ) {
        var known: [Key: Int] = [:]
        for actor in actors.actors.indices {
            let program = programs[programOf[actor]]
            var own: [Int] = []
            for (index, queue) in program.queues.enumerated() {
                let (members, groupRanks) = actors.members(of: queue, actor: actor)
                let key = Key(queue: queue, members: members)
                let number = known[key] ?? lanes.count
                if known[key] == nil {
                    known[key] = number
                    let stages = Set(members.map { actors.actors[$0].classIndex }).sorted()
                    let level = levels(queue)
                    lanes.append(
                        Lane(
                            members: members, groupRanks: groupRanks,
                            rankCount: members.map { actors.actors[$0].rankCount }.reduce(0, +),
                            level: level,
                            slowness: conditions.slowness(level: level, stages: stages),
                            isWithinStage: stages.count == 1, queue: queue))
                }
                lanes[number].count = max(lanes[number].count, program.counts[index])
                own.append(number)
            }
            laneOf.append(own)
        }
        for index in lanes.indices {
            lanes[index].first = transferCount
            transferCount += lanes[index].count
        }
    }

    private struct Key: Hashable {
        var queue: Queue
        var members: [Int]
    }
}

extension Conditions {
    /// How many times as long transfers take that cross a level, or go between two stages.
    fileprivate func slowness(level: Int, stages: [Int]) -> Double {
        var factor = 1.0
        for link in slowLinks {
            switch link.place {
            case .level(let slow): if slow == level { factor *= link.factor }
            case .stages(let one, let other):
                if stages == [min(one, other), max(one, other)] { factor *= link.factor }
            }
        }
        return factor
    }
}
