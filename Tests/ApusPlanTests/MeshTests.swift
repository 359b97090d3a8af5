import ApusBase
import ApusTestSupport
import Testing

@testable import ApusPlan

/// A mesh that can exist, small enough to try everything on it.
struct SmallMesh: CustomTestStringConvertible, Sendable {
    var degrees: Degrees
    var placement: Plan.Placement
    var carved: Int

    var mesh: Mesh { Mesh(degrees, placement: placement, carvedTensor: carved) }

    var testDescription: String {
        "pp\(degrees.pipeline) dp\(degrees.data) cp\(degrees.context) tp\(degrees.tensor) "
            + "ep\(degrees.expert) etp\(degrees.expertTensor) carved \(carved) "
            + placement.rawValue
    }

    /// Every mesh with these degrees whose expert mesh fits a stage.
    static let all: [SmallMesh] = Plan.Placement.allCases.flatMap { placement in
        [1, 2, 3].flatMap { pipeline in
            [1, 2, 3, 4].flatMap { data in
                [1, 2].flatMap { context in
                    [1, 2, 4].flatMap { tensor in
                        foldings(
                            Degrees(
                                pipeline: pipeline, data: data, context: context, tensor: tensor),
                            placement)
                    }
                }
            }
        }
    }

    private static func foldings(_ base: Degrees, _ placement: Plan.Placement) -> [SmallMesh] {
        let carvings = [1, 2, 4].filter { base.tensor % $0 == 0 }
        return [1, 2, 3, 4].flatMap { expert in
            [1, 2].flatMap { expertTensor -> [SmallMesh] in
                guard base.stageSize % (expert * expertTensor) == 0 else { return [] }
                var degrees = base
                degrees.expert = expert
                degrees.expertTensor = expertTensor
                return carvings.map {
                    SmallMesh(degrees: degrees, placement: placement, carved: $0)
                }
            }
        }
    }
}

@Suite("Meshes")
struct MeshTests {
    private func ranks(_ mesh: Mesh) -> [Rank] { (0..<mesh.worldSize).map { Rank($0) } }

    @Test("give each rank one position and each position one rank")
    func placesRanks() {
        #expect(SmallMesh.all.count > 1000)
        for mesh in SmallMesh.all.map(\.mesh) {
            var positions: Set<MeshPosition> = []
            for rank in ranks(mesh) {
                let position = mesh.position(of: rank)
                #expect(mesh.rank(at: position) == rank)
                #expect((0..<mesh.degrees.pipeline).contains(position.stage.index))
                #expect((0..<mesh.degrees.stageSize).contains(position.local))
                positions.insert(position)
            }
            #expect(positions.count == mesh.worldSize)
        }
    }

    @Test("lay stages side by side, or pipeline neighbours, as the plan says")
    func followsPlacement() {
        for mesh in SmallMesh.all.map(\.mesh) {
            let next = MeshPosition(stage: Stage(0), local: min(1, mesh.degrees.stageSize - 1))
            let step = mesh.rank(at: next).index
            switch mesh.placement {
            case .outermost: #expect(step == next.local)
            case .innermost: #expect(step == next.local * mesh.degrees.pipeline)
            }
        }
    }

    @Test(
        "divide the ranks into groups that are the same for every member", arguments: Axis.allCases)
    func partitions(axis: Axis) {
        for small in SmallMesh.all {
            let mesh = small.mesh
            var seen: Set<Rank> = []
            for rank in ranks(mesh) where holds(axis, mesh, rank) {
                let group = mesh.group(axis, of: rank)
                guard group.contains(rank), group.count == mesh.size(of: axis),
                    Set(group).count == group.count
                else {
                    Issue.record("\(small.testDescription): \(axis) of \(rank) is \(group)")
                    continue
                }
                if group.first == rank {
                    #expect(seen.isDisjoint(with: group))
                    seen.formUnion(group)
                    for member in group { #expect(mesh.group(axis, of: member) == group) }
                }
            }
            #expect(seen.count == ranks(mesh).filter { holds(axis, mesh, $0) }.count)
        }
    }

    /// The embedding lies on the first and the last stage only.
    private func holds(_ axis: Axis, _ mesh: Mesh, _ rank: Rank) -> Bool {
        let stage = mesh.position(of: rank).stage
        return axis != .embedding || stage == Stage(0) || stage == mesh.headStage
    }

    @Test("keep every group but the embedding's and the world's within one stage")
    func staysInStage() {
        for mesh in SmallMesh.all.map(\.mesh) {
            for axis in Axis.allCases where axis != .embedding && axis != .world {
                for rank in ranks(mesh) {
                    let stages = Set(mesh.group(axis, of: rank).map { mesh.position(of: $0).stage })
                    #expect(stages == [mesh.position(of: rank).stage])
                }
            }
        }
    }

    @Test("cover the ranks of a stage with attention's axes and with the experts' axes")
    func foldsExperts() {
        for small in SmallMesh.all {
            let mesh = small.mesh
            let degrees = mesh.degrees
            var attention: Set<[Int]> = []
            var experts: Set<[Int]> = []
            for local in 0..<degrees.stageSize {
                let within = local % (degrees.tensor * degrees.context)
                attention.insert([mesh.dataIndex(local: local), within])
                experts.insert([
                    mesh.expertDataIndex(local: local), mesh.expertIndex(local: local),
                    local % degrees.expertTensor,
                ])
            }
            #expect(attention.count == degrees.stageSize)
            #expect(experts.count == degrees.stageSize)
            #expect(
                degrees.expertData * degrees.expert * degrees.expertTensor == degrees.stageSize)
        }
    }

    @Test(
        "hold each share of the experts once in an expert group, and one share in a replica group")
    func sharesExperts() {
        for mesh in SmallMesh.all.map(\.mesh) {
            for rank in ranks(mesh) {
                func shares(_ axis: Axis) -> [Int] {
                    mesh.group(axis, of: rank).map {
                        mesh.expertIndex(local: mesh.position(of: $0).local)
                    }
                }
                #expect(shares(.expert) == Array(0..<mesh.degrees.expert))
                #expect(Set(shares(.expertData)).count == 1)
            }
        }
    }

    @Test("reduce dense weights over the whole stage where all tensor parallelism is carved")
    func carvesTensor() {
        for mesh in SmallMesh.all.map(\.mesh) {
            let stored = mesh.degrees.tensor / mesh.carvedTensor
            for rank in ranks(mesh) {
                let stage = mesh.position(of: rank).stage
                let group = mesh.group(.data, of: rank)
                // Over all axes along which a dense weight is whole on each rank.
                let same = ranks(mesh).filter {
                    let other = mesh.position(of: $0)
                    return other.stage == stage
                        && other.local % stored == mesh.position(of: rank).local % stored
                }
                #expect(group == same)
                if stored == 1 { #expect(group.count == mesh.degrees.stageSize) }
            }
        }
    }

    @Test("carving moves ranks from data to tensor and keeps the stage", arguments: [1, 2, 4, 8])
    func carvesDegrees(tensor: Int) {
        let plan = Degrees(pipeline: 3, data: 8, context: 2, tensor: 1, expert: 4)
        let carved = plan.carving(tensor: tensor)
        #expect(carved.tensor == tensor)
        #expect(carved.data * tensor == 8)
        #expect(carved.stageSize == plan.stageSize)
        #expect(carved.expertData == plan.expertData)
        #expect(plan.carving(tensor: 1) == plan)
    }

    @Test("say in words where a rank of the document's plan stands")
    func describesRanks() {
        let mesh = Mesh(Degrees(pipeline: 4, data: 4, expert: 4), placement: .outermost)
        #expect(mesh.describe(Rank(0)) == "stage 0, data 0, expert 0")
        #expect(mesh.describe(Rank(6)) == "stage 1, data 2, expert 2")
        #expect(mesh.group(.expert, of: Rank(6)) == [4, 5, 6, 7].map { Rank($0) })
        #expect(mesh.group(.expertData, of: Rank(6)) == [Rank(6)])
        #expect(mesh.group(.embedding, of: Rank(1)).map(\.index) == [0, 1, 2, 3, 12, 13, 14, 15])
        let carved = Mesh(
            mesh.degrees.carving(tensor: 2), placement: .outermost, carvedTensor: 2)
        #expect(carved.describe(Rank(6)) == "stage 1, data 1, expert 2")
        #expect(carved.group(.tensor, of: Rank(6)) == [Rank(6), Rank(7)])
        #expect(carved.group(.data, of: Rank(6)) == [4, 5, 6, 7].map { Rank($0) })
        let other = Mesh(Degrees(pipeline: 4, data: 4, expert: 4), placement: .innermost)
        #expect(other.describe(Rank(6)) == "stage 2, data 1, expert 1")
        #expect(other.group(.expert, of: Rank(6)) == [2, 6, 10, 14].map { Rank($0) })
        let alone = Mesh(Degrees(), placement: .outermost)
        #expect(alone.describe(Rank(0)) == "stage 0")
    }
}

@Suite("The layers of stages")
struct StageLayersTests {
    @Test("divide the model's layers, the first stages taking one more", arguments: 1...8, 1...20)
    func dividesEvenly(stages: Int, layers: Int) {
        let plan = Plan(degrees: Degrees(pipeline: stages), buckets: [])
        expectPartition(plan, layers: layers)
        let counts = (0..<stages).map {
            plan.layers(of: Stage($0), in: .small(layerCount: layers))[0].count
        }
        #expect(counts == counts.sorted(by: >))
        #expect((counts.first ?? 0) - (counts.last ?? 0) <= 1)
    }

    @Test("follow the plan where it names them", arguments: [[1, 5, 2], [3, 1, 4], [0, 8, 0]])
    func followsPlan(counts: [Int]) {
        var plan = Plan(degrees: Degrees(pipeline: 3), buckets: [])
        plan.layersPerStage = counts
        expectPartition(plan, layers: 8)
        for stage in 0..<3 {
            let layers = plan.layers(of: Stage(stage), in: .small(layerCount: 8))
            #expect(layers.map(\.count) == [counts[stage]])
        }
    }

    private func expectPartition(_ plan: Plan, layers: Int) {
        let all = (0..<plan.degrees.pipeline).flatMap {
            plan.layers(of: Stage($0), in: .small(layerCount: layers)).joined()
        }
        #expect(all == Array(0..<layers))
    }
}
