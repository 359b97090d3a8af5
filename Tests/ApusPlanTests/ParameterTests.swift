import ApusBase
import ApusTestSupport
import Testing

@testable import ApusPlan

@Suite("The weights of a model")
struct ParameterTests {
    @Test("are 435 962 368 for the strategy document's model, by kind")
    func countsReference() throws {
        let text = try Repository.text("Plans/strategy-16gpu.yaml")
        let model = try SmallFile.read(text).deployment.model
        #expect(model.parameterCount == 435_962_368)
        #expect(grouped(model.parameterCount) == "435 962 368")
        let counts = Dictionary(
            uniqueKeysWithValues: StoredParameter.Kind.allCases.map {
                ($0, model.parameterCount(of: $0))
            })
        #expect(
            counts == [
                // 32 000 × 512, which the head shares.
                .embedding: 16_384_000,
                // 16 layers of four matrices 512 × 512.
                .attention: 16_777_216,
                // 16 layers of 16 × 512.
                .router: 131_072,
                // 16 layers of 16 experts of three matrices 1024 × 512.
                .experts: 402_653_184,
                // 16 layers of two norms of 512, and the last one.
                .norms: 16_896,
                .head: 0,
                .shared: 0,
                .dense: 0,
            ])
    }

    @Test("are counted with a head of its own where it is not tied")
    func countsHead() {
        var model = Model.small(tiesEmbeddings: true)
        let tied = model.parameterCount
        model.tiesEmbeddings = false
        #expect(model.parameterCount - tied == model.vocabularySize * model.hiddenSize)
        #expect(model.parameterCount(of: .head) == model.vocabularySize * model.hiddenSize)
    }

    @Test("lie in stored tensors without holes and without overlap", arguments: [true, false])
    func tilesTensors(tied: Bool) {
        let model = Model.small(tiesEmbeddings: tied)
        for share in [0..<4, 0..<1, 2..<4] {
            let stored = model.storedParameters(
                layers: 1..<3, isFirst: true, isLast: true, experts: share)
            for parameter in stored {
                var next = 0
                for piece in parameter.pieces {
                    #expect(piece.offset == next, "\(parameter.name)")
                    next += piece.count
                }
                #expect(next == parameter.count, "\(parameter.name)")
            }
            #expect(Set(stored.map(\.name)).count == stored.count)
            let names = stored.flatMap(\.pieces).map(\.name)
            #expect(Set(names).count == names.count)
        }
    }

    @Test("have the names and shapes of a Hugging Face checkpoint")
    func namesPieces() throws {
        let model = Model.small(layerCount: 1, expertCount: 2)
        let pieces = model.parameters.flatMap(\.pieces)
        let shapes = Dictionary(uniqueKeysWithValues: pieces.map { ($0.name, $0.shape) })
        let layer = "model.layers.0."
        let experts = layer + "block_sparse_moe.experts."
        #expect(
            shapes == [
                "model.embed_tokens.weight": [512, 64], "model.norm.weight": [64],
                "lm_head.weight": [512, 64],
                layer + "input_layernorm.weight": [64],
                layer + "post_attention_layernorm.weight": [64],
                layer + "self_attn.q_proj.weight": [64, 64],
                layer + "self_attn.k_proj.weight": [32, 64],
                layer + "self_attn.v_proj.weight": [32, 64],
                layer + "self_attn.o_proj.weight": [64, 64],
                layer + "block_sparse_moe.gate.weight": [2, 64],
                experts + "0.w1.weight": [96, 64], experts + "0.w2.weight": [64, 96],
                experts + "0.w3.weight": [96, 64], experts + "1.w1.weight": [96, 64],
                experts + "1.w2.weight": [64, 96], experts + "1.w3.weight": [96, 64],
            ])
    }

    @Test(
        "are held by the ranks of every layout, each as often as its group says",
        arguments: [1, 2, 3], [(1, 1), (2, 1), (4, 2), (4, 4)])
    func coversModel(stages: Int, data: (Int, Int)) {
        for tied in [true, false] {
            let model = Model.small(layerCount: 5, tiesEmbeddings: tied)
            let degrees = Degrees(pipeline: stages, data: data.0, expert: data.1)
            let plan = Plan(degrees: degrees, buckets: [])
            var held: [StoredParameter.Piece: Int] = [:]
            for piece in pieces(model, plan) { held[piece, default: 0] += 1 }
            for parameter in model.parameters {
                let isShared = tied && parameter.kind == .embedding && stages > 1
                let copies =
                    parameter.kind == .experts
                    ? degrees.expertData : degrees.stageSize * (isShared ? 2 : 1)
                for piece in parameter.pieces {
                    var anywhere = piece
                    anywhere.offset = 0
                    #expect(held.removeValue(forKey: anywhere) == copies, "\(piece.name)")
                }
            }
            #expect(held.isEmpty)
        }
    }

    /// What all ranks of a plan hold together, without the offsets, which depend on the layout.
    private func pieces(_ model: Model, _ plan: Plan) -> [StoredParameter.Piece] {
        let mesh = Mesh(plan.degrees, placement: .outermost)
        let share = model.expertCount / plan.degrees.expert
        return (0..<mesh.worldSize).flatMap { rank -> [StoredParameter.Piece] in
            let position = mesh.position(of: Rank(rank))
            let first = mesh.expertIndex(local: position.local) * share
            let stored = model.storedParameters(
                layers: plan.layers(of: position.stage, in: model).joined(),
                isFirst: position.stage.index == 0, isLast: position.stage == mesh.headStage,
                experts: first..<(first + share))
            return stored.flatMap(\.pieces).map { piece in
                var anywhere = piece
                anywhere.offset = 0
                return anywhere
            }
        }
    }
}
