import ApusBase
import ApusPlan
import ApusProgram

/// Ranks that do the same at the same time, of which one is simulated.
struct Actor: Hashable {
    var classIndex: Int
    /// The first of them, which stands for all.
    var rank: Rank
    /// How many they are.
    var rankCount: Int
    /// How many times as long their computation takes.
    var slowness = 1.0
    /// Whether their experts are the ones that get too many rows.
    var isHot = false
}

/// The ranks of a job as actors.
///
/// Without conditions the ranks of a class are one actor. A condition on some of them splits it:
/// two ranks stay together while they compute alike and each of their groups is made up of the same
/// actors (the coarsest equitable partition, found by refinement).
struct ActorSet {
    private(set) var actors: [Actor] = []
    /// The actor of each rank; empty where the ranks of a class are one actor.
    private var actorOfRank: [Int] = []
    private let program: Program

    init(_ program: Program, _ conditions: Conditions) {
        self.program = program
        let mesh = program.mesh
        guard conditions.tellsRanksApart else {
            actors = program.classes.enumerated().map { index, programClass in
                Actor(
                    classIndex: index,
                    rank: mesh.rank(at: MeshPosition(stage: programClass.stage, local: 0)),
                    rankCount: mesh.degrees.stageSize,
                    slowness: conditions.slowness(of: programClass.stage))
            }
            return
        }
        let kinds = (0..<mesh.worldSize).map { Self.kind(of: Rank($0), program, conditions) }
        actorOfRank = Self.refined(Self.renumbered(kinds), program)
        for rank in 0..<mesh.worldSize {
            if actorOfRank[rank] == actors.count {
                actors.append(kinds[rank])
                actors[actors.count - 1].rank = Rank(rank)
            }
            actors[actorOfRank[rank]].rankCount += 1
        }
    }

    /// The actors that share the queue of an actor with it, in order, and how many ranks one of its
    /// groups has.
    func members(of queue: Queue, actor: Int) -> (actors: [Int], rankCount: Int) {
        // The one group that is as large as the job.
        if queue == .group(.world) { return (Array(actors.indices), program.mesh.worldSize) }
        let ranks = program.mesh.members(of: queue, rank: actors[actor].rank)
        let members = ranks.map { rank in
            actorOfRank.isEmpty
                ? program.mesh.position(of: rank).stage.index : actorOfRank[rank.index]
        }
        return (Set(members).sorted(), ranks.count)
    }

    /// What conditions make of one rank.
    private static func kind(of rank: Rank, _ program: Program, _ conditions: Conditions) -> Actor {
        let position = program.mesh.position(of: rank)
        var actor = Actor(classIndex: position.stage.index, rank: Rank(0), rankCount: 0)
        actor.slowness = conditions.slowness(of: position.stage)
        for slow in conditions.slowRanks where slow.rank == rank { actor.slowness *= slow.factor }
        actor.isHot =
            conditions.hotExpertShare != nil
            && program.mesh.expertIndex(local: position.local) == 0
        return actor
    }

    /// Splits colours until all ranks of one see the same colours in their groups.
    private static func refined(_ start: [Int], _ program: Program) -> [Int] {
        let groups = groupsByRank(program)
        var colours = start
        while true {
            var signatures: [[Int]: Int] = [:]
            let ofGroup = groups.members.map { members in
                let key = members.map { colours[$0] }.sorted()
                let number = signatures[key] ?? signatures.count
                signatures[key] = number
                return number
            }
            let finer = renumbered(
                colours.indices.map { rank in
                    [colours[rank]] + groups.ofRank[rank].map { ofGroup[$0] }
                })
            if (finer.max() ?? 0) == (colours.max() ?? 0) { return finer }
            colours = finer
        }
    }

    /// Numbers equal keys alike, in the order in which they first occur.
    private static func renumbered<Key: Hashable>(_ keys: [Key]) -> [Int] {
        var numbers: [Key: Int] = [:]
        return keys.map { key in
            let number = numbers[key] ?? numbers.count
            numbers[key] = number
            return number
        }
    }

    /// All groups of the program's queues, and those of each rank in the order of its queues.
    ///
    /// The world's group has all colours for everybody and tells nothing.
    private static func groupsByRank(
        _ program: Program
    ) -> (members: [[Int]], ofRank: [[Int]]) {
        let mesh = program.mesh
        let used = program.classes.map(\.queues)
        var members: [[Int]] = []
        var ofRank = Array(repeating: [Int](), count: mesh.worldSize)
        for queue in Set(used.joined()).sorted() where queue != .group(.world) {
            var group = Array(repeating: -1, count: mesh.worldSize)
            for rank in 0..<mesh.worldSize {
                let stage = mesh.position(of: Rank(rank)).stage.index
                guard used[stage].contains(queue) else { continue }
                if group[rank] < 0 {
                    let ranks = mesh.members(of: queue, rank: Rank(rank)).map(\.index)
                    for peer in ranks { group[peer] = members.count }
                    members.append(ranks)
                }
                ofRank[rank].append(group[rank])
            }
        }
        return (members, ofRank)
    }
}
