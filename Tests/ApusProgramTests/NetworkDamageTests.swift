import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

/// Damages after which every stage by itself is sound, and only together they cannot run.
@Suite("Stages that do not fit together")
struct NetworkDamageTests {
    static let pipelines = Layout.all.filter {
        $0.degrees.pipeline > 1 && $0.microBatches < 4 && $0.chunks == 1 && !$0.schedule.isV
    }
    static let several = pipelines.filter { $0.microBatches > 1 }
    static let oneForwardOneBackward = several.filter { $0.schedule == .oneForwardOneBackward }

    /// On the last stage of 1F1B the second receive uses a slot that is not free any earlier, so it
    /// stands behind the backward of the first micro-batch.
    @Test(
        "disagree where one stage starts two receives in the other order",
        arguments: several.filter { $0.schedule == .gpipe || $0.degrees.pipeline > 2 })
    func noticesReceiveOrder(layout: Layout) throws {
        let program = try layout.program()
        let first = try #require(program.start(of: receive(0), stage: 1))
        let second = try #require(program.start(of: receive(1), stage: 1))
        expectOne(
            of: [.transferMismatch], from: program.moving(second, to: first.position))
    }

    @Test("wait in a circle where both send before they receive", arguments: oneForwardOneBackward)
    func noticesCircle(layout: Layout) throws {
        var program = try layout.program()
        let last = program.classes.count - 1
        // The last stage sends a gradient while the one before it sends the next activation.
        let activation = Payload.activation(into: last, microBatch: 1)
        let gradient = Payload.activationGradient(into: last, microBatch: 0)
        try program.sendFirst(activation, receiveLater: gradient, stage: last - 1)
        #expect(program.verify() == [], "one stage that insists is no circle")
        try program.sendFirst(gradient, receiveLater: activation, stage: last)
        expectOne(of: [.deadlock], from: program)
    }

    @Test("disagree on the size of what one sends", arguments: pipelines)
    func noticesSizes(layout: Layout) throws {
        var program = try layout.program()
        // All of the last stage's slots and transfers of hidden states get larger together, so that
        // the stage agrees with itself.
        let last = program.classes.count - 1
        let size = try #require(
            program.starts.first { $0.transfer.id == receive(0, into: last) }?.transfer.size)
        let site = try #require(program.start(of: receive(0, into: last), stage: last))
        for (start, transfer) in program.starts where start.stage == last {
            guard transfer.id.role != .join else { continue }
            var other = transfer
            other.size += Bytes(4)
            program[start] = .start(other)
        }
        for index in program.classes[last].slots.indices {
            let plan = program.classes[last].slots[index]
            if plan.kind == .tensor, plan.size == size {
                program.classes[last].slots[index].size += Bytes(4)
            }
        }
        // Where rows are as large as hidden states, the stage does not agree with itself any more.
        #expect(program[site].description.hasSuffix(" \(size.count + 4)B"))
        expectOne(of: [.transferMismatch], from: program)
    }

    @Test("cannot end where one stage does not reduce its copy of the embedding")
    func noticesMissingReduction() throws {
        let tied = Self.pipelines.filter(\.tied)
        try #require(!tied.isEmpty)
        for layout in tied {
            let program = try layout.program()
            for stage in [0, program.classes.count - 1] {
                let bucket = try #require(
                    program.classes[stage].buckets.firstIndex { $0.axis == .embedding })
                let id = Transfer.ID(payload: .gradients(bucket: bucket), role: .join)
                var damaged = program
                let start = try #require(damaged.start(of: id, stage: stage))
                damaged = damaged.leavingOut(start)
                let wait = try #require(damaged.site(of: .wait(id), stage: stage))
                damaged = damaged.leavingOut(wait)
                expectOne(of: [.stepOrder], from: damaged)
            }
        }
    }

    @Test("wait for ever where one does not know that the embedding is shared")
    func noticesUnknownReduction() throws {
        for layout in Self.pipelines where layout.tied && layout.zeroStage == 0 {
            var program = try layout.program()
            let last = program.classes.count - 1
            let bucket = try #require(
                program.classes[last].buckets.firstIndex { $0.axis == .embedding })
            let id = Transfer.ID(payload: .gradients(bucket: bucket), role: .join)
            let site = try #require(program.start(of: id, stage: last))
            guard case .start(var transfer) = program[site] else { continue }
            // The last stage reduces its copy over its own ranks only.
            program.classes[last].buckets[bucket].axis = .data
            transfer.queue = .group(.data)
            program[site] = .start(transfer)
            expectOne(of: [.deadlock], from: program)
        }
    }

    @Test("disagree on which weights a shared bucket holds")
    func noticesBucketContents() throws {
        for layout in Self.pipelines where layout.tied {
            var program = try layout.program()
            let bucket = try #require(
                program.classes[0].buckets.firstIndex { $0.axis == .embedding })
            program.classes[0].buckets[bucket].parameters = ["lm_head.weight"]
            expectOne(of: [.transferMismatch], from: program)
        }
    }

    /// Collectives of two groups cross only where a stage breaks the order of the step: gradients
    /// come before the statistics, and these before the weights, on all ranks.
    @Test("cannot take collectives of two groups in another order", arguments: pipelines)
    func noticesCrossedCollectives(layout: Layout) throws {
        let program = try layout.program()
        for stage in [0, program.classes.count - 1] {
            let statistics = Transfer.ID(payload: .statistics, role: .join)
            let start = try #require(program.start(of: statistics, stage: stage))
            expectOne(of: [.stepOrder], from: program.moving(start, to: 1))
        }
    }

    @Test("do not follow each other where layers are left out or held twice")
    func noticesLayerGaps() throws {
        for offset in [-1, 1] {
            var program = try Layout.tiny[1].program()
            let layers = program.classes[1].chunks[0]
            program.classes[1].chunks[0] = (layers.lowerBound + offset)..<layers.upperBound
            expectOne(of: [.stepOrder], from: program)
        }
        var program = try Layout.tiny[1].program()
        program.classes.removeLast()
        expectOne(of: [.stepOrder], from: program)
    }

    @Test("cannot hold a weight in two buckets, or reduce it before it is complete")
    func noticesBuckets() throws {
        let program = try Layout.tiny[1].program()
        var twice = program
        twice.classes[0].buckets[0].parameters += program.classes[0].buckets[0].parameters
        #expect(twice.verify().contains { $0.code == .stepOrder })
        // A weight of the layer that goes backward last, in the bucket that is reduced first.
        let first = try #require(
            program.starts.first { $0.site.stage == 1 && $0.transfer.id.payload.isOfBucket })
        guard case .gradients(let bucket) = first.transfer.id.payload else { return }
        var early = program
        let layer = program.classes[1].layers[0]
        early.classes[1].buckets[bucket].parameters
            .append("model.layers.\(layer).self_attn.extra.weight")
        expectOne(of: [.stepOrder], from: early)
    }

    /// The receive of stage 1, or of another stage.
    private func receive(_ microBatch: Int, into index: Int = 1) -> Transfer.ID {
        Transfer.ID(payload: .activation(into: index, microBatch: microBatch), role: .receive)
    }

    private func expectOne(
        of codes: Set<DiagnosticCode>, from program: Program,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = Set(program.verify().map(\.code))
        #expect(
            !found.isEmpty && found.isSubset(of: codes), "\(found.map(\.rawValue).sorted())",
            sourceLocation: sourceLocation)
    }
}
