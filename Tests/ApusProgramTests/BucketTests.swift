import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("Buckets that do not suit their model")
struct BucketTests {
    /// Two stages, gradients over 4 data ranks and over 2 replicas of the experts, nothing tied.
    private let layout = Layout.tiny[2]

    @Test("without a weight, a bucket leaves its copies to drift apart", arguments: Layout.tiny)
    func missesWeight(layout: Layout) throws {
        let program = try layout.program()
        for (stage, programClass) in program.classes.enumerated() {
            for (index, bucket) in programClass.buckets.enumerated() {
                for name in bucket.parameters {
                    var damaged = program
                    damaged.changeBucket(index, stage: stage, model: layout.model) {
                        $0.parameters.removeAll { $0 == name }
                    }
                    let found = damaged.verify(for: layout.model)
                    // The other copy of a tied embedding is missed by the stage that still has it.
                    let isTied = bucket.axis == .embedding
                    let what = "stage \(stage) does not reduce `\(name)` over"
                    #expect(
                        isTied
                            ? found.map(\.code) == [.transferMismatch]
                            : found.count == 1 && found[0].problem.hasPrefix(what),
                        "\(name): \(found)")
                }
            }
        }
    }

    @Test("a weight that no bucket holds is named with the ranks that share it")
    func namesMissingWeight() throws {
        try expectMessage(
            "error: stage 1 does not reduce `model.layers.1.block_sparse_moe.gate.weight` over "
                + "`data`  [step-order]"
        ) { program in
            let index = try #require(program.classes[1].buckets.firstIndex { $0.axis == .data })
            program.changeBucket(index, stage: 1, model: layout.model) {
                $0.parameters.removeAll { $0.hasSuffix("gate.weight") }
            }
        }
    }

    @Test("a weight that is reduced over other ranks than share it is named with both")
    func namesWrongAxis() throws {
        let name = "model.layers.1.block_sparse_moe.experts.w2"
        try expectMessage(
            """
            error: stage 1 reduces `\(name)` over `data`, its copies lie on `expert_data`  \
            [step-order]
            """
        ) { program in
            let buckets = program.classes[1].buckets
            let experts = try #require(buckets.firstIndex { $0.axis == .expertData })
            let dense = try #require(buckets.firstIndex { $0.axis == .data })
            program.changeBucket(experts, stage: 1, model: layout.model) {
                $0.parameters.removeAll { $0 == name }
            }
            program.changeBucket(dense, stage: 1, model: layout.model) {
                $0.parameters.append(name)
            }
        }
    }

    @Test("a weight in two buckets, or twice in one, is told", arguments: [true, false])
    func namesDoubledWeight(isInOne: Bool) throws {
        try expectMessage("error: stage 1 has a weight in two buckets  [step-order]") { program in
            let buckets = program.classes[1].buckets
            let experts = try #require(buckets.firstIndex { $0.axis == .expertData })
            let dense = try #require(buckets.firstIndex { $0.axis == .data })
            let name = try #require(buckets[dense].parameters.first)
            program.changeBucket(isInOne ? dense : experts, stage: 1, model: layout.model) {
                $0.parameters.append(name)
            }
        }
    }

    @Test("a weight of another stage, and one that no two ranks share, are named")
    func namesStrangeWeight() throws {
        try expectMessage(
            "error: stage 1 reduces `model.embed_tokens.weight`, which it does not hold"
                + "  [step-order]"
        ) { program in
            let index = try #require(program.classes[1].buckets.firstIndex { $0.axis == .data })
            program.changeBucket(index, stage: 1, model: layout.model) {
                $0.parameters.append(Model.embeddingName)
            }
        }
        let single = Layout(
            degrees: Degrees(data: 2, expert: 2), schedule: .gpipe, microBatches: 2,
            recompute: .none, tied: false, layerCount: 1)
        var program = try single.program()
        program.changeBucket(0, stage: 0, model: single.model) {
            $0.parameters.append("model.layers.0.block_sparse_moe.experts.w2")
        }
        #expect(
            program.verify(for: single.model).map(\.description) == [
                "error: stage 0 reduces `model.layers.0.block_sparse_moe.experts.w2`, which no two "
                    + "ranks share  [step-order]"
            ])
    }

    @Test("a bucket of another size than its weights is told both")
    func namesWrongSize() throws {
        let program = try layout.program()
        let bucket = program.classes[0].buckets[0]
        try expectMessage(
            """
            error: stage 0 gives bucket b0 \(bucket.size.count + 4)B, its weights have \
            \(bucket.size.count)B  [transfer-mismatch]
            """
        ) { program in
            program.resizeBucket(0, stage: 0, to: bucket.size + Bytes(4))
        }
    }

    @Test("a program of fewer layers than the model is told both counts")
    func namesLayers() throws {
        var model = layout.model
        model.layerCount += 1
        #expect(
            try layout.program().verify(for: model).map(\.description) == [
                "error: the program has 2 layers, the model has 3  [step-order]"
            ])
    }

    private func expectMessage(
        _ message: String, sourceLocation: SourceLocation = #_sourceLocation,
        after damage: (inout Program) throws -> Void
    ) throws {
        var program = try layout.program()
        try damage(&program)
        #expect(
            program.verify(for: layout.model).map(\.description) == [message],
            sourceLocation: sourceLocation)
    }
}

extension Program {
    /// Changes a bucket and gives it, and the transfers that move it, the size of its weights.
    fileprivate mutating func changeBucket(
        _ index: Int, stage: Int, model: Model, _ change: (inout GradientBucket) -> Void
    ) {
        change(&classes[stage].buckets[index])
        let names = classes[stage].buckets[index].parameters
        let held = classes[stage].parameters(
            of: model, mesh: mesh, experts: 0..<(model.expertCount / mesh.degrees.expert))
        let elements = held.filter { names.contains($0.name) }.map(\.count)
        resizeBucket(index, stage: stage, to: Bytes(4 * elements.reduce(0, +)))
    }

    fileprivate mutating func resizeBucket(_ index: Int, stage: Int, to size: Bytes) {
        classes[stage].buckets[index].size = size
        for (site, transfer) in starts where site.stage == stage {
            let payload = transfer.id.payload
            guard payload == .gradients(bucket: index) || payload == .weights(bucket: index) else {
                continue
            }
            var resized = transfer
            resized.size = size
            self[site] = .start(resized)
        }
    }
}
