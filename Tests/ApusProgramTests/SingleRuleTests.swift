import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

/// Damages that one rule of the verifier alone notices, so that no rule can be lost unseen.
@Suite("A rule of the verifier")
struct SingleRuleTests {
    private func codes(_ program: Program) -> Set<DiagnosticCode> {
        Set(program.verify().map(\.code))
    }

    private func id(_ payload: Payload, _ role: Role = .join) -> Transfer.ID {
        Transfer.ID(payload: payload, role: role)
    }

    @Test("forbids to read what is still arriving")
    func watchesArrivals() throws {
        let program = try Layout.tiny[1].program()
        let receive = id(.activation(into: 1, microBatch: 0), .receive)
        let wait = try #require(program.site(of: .wait(receive), stage: 1))
        #expect(codes(program.moving(wait, to: wait.position + 1)) == [.slotLifetime])
    }

    @Test("forbids to free what is still leaving")
    func watchesDepartures() throws {
        let program = try Layout.tiny[1].program()
        let send = id(.activation(into: 1, microBatch: 0), .send)
        let wait = try #require(program.site(of: .wait(send), stage: 0))
        guard case .free = program.classes[0].instructions[wait.position + 1] else {
            Issue.record("the compiler frees what it sent right after the wait")
            return
        }
        #expect(codes(program.swapping(wait, with: wait.position + 1)) == [.slotLifetime])
    }

    @Test("says that backward consumes its state")
    func consumesStates() throws {
        let program = try Layout.tiny[0].program()
        let site = try #require(
            program.sites.first {
                if case .backward(let run) = program[$0] { run.island == .embedding } else { false }
            })
        let found = codes(program.inserting(program[site], at: site))
        #expect(found.contains(.slotContent))
    }

    @Test("gives all values of one part the same size")
    func comparesSizes() throws {
        var program = try Layout.tiny[0].program()
        let states = program.classes[0].slots.indices.filter {
            program.classes[0].slots[$0].kind == .state
        }
        // Two micro-batches are in flight, so each state but the head's last one has a fellow.
        let slot = try #require(states.first)
        program.classes[0].slots[slot].size += Bytes(8)
        #expect(codes(program) == [.slotContent])
    }

    @Test("makes a gathered slot as large as the shares of all ranks")
    func multipliesShares() throws {
        var program = try Layout.tiny[3].program()
        #expect(program.mesh.degrees.tensor == 2)
        program.mesh = Mesh(
            program.mesh.degrees.carving(tensor: 4), placement: .outermost, carvedTensor: 4)
        #expect(codes(program) == [.transferMismatch])
    }

    @Test("lets the first stage receive nothing from before it")
    func boundsPipeline() throws {
        var program = try Layout.tiny[1].program()
        let slot = Slot(program.classes[0].slots.count)
        let size = Bytes(8192)
        program.classes[0].slots.append(SlotPlan(kind: .tensor, size: size))
        let receive = id(.activation(into: 1, microBatch: 0), .receive)
        let transfer = Transfer(
            id: receive, queue: .activations(into: 1), source: nil, destination: slot, routing: nil,
            size: size)
        for instruction in [.free(slot), .wait(receive), .start(transfer)] as [Instruction] {
            program = program.inserting(instruction, at: Site(stage: 0, position: 1))
        }
        #expect(codes(program) == [.transferMismatch])
    }

    @Test("keeps stages without the embedding out of its group")
    func boundsEmbedding() throws {
        var program = try Layout.tiny[3].program()
        let start = try #require(
            program.starts.first { $0.site.stage == 1 && $0.transfer.id.payload.isOfBucket })
        guard case .gradients(let bucket) = start.transfer.id.payload else { return }
        var transfer = start.transfer
        transfer.queue = .group(.embedding)
        program.classes[1].buckets[bucket].axis = .embedding
        program[start.site] = .start(transfer)
        #expect(codes(program) == [.transferMismatch])
    }

    @Test("measures gradients after the last backward")
    func measuresLast() throws {
        let program = try Layout.tiny[0].program()
        #expect(program.classes[0].buckets.isEmpty)
        let norm = try #require(program.site(of: .gradientNorm, stage: 0))
        #expect(codes(program.moving(norm, to: 1)) == [.stepOrder])
    }

    @Test("adds the loss of a micro-batch once")
    func addsLossOnce() throws {
        let program = try Layout.tiny[0].program()
        let site = try #require(
            program.sites.first {
                if case .forward(let run) = program[$0] { run.island == .head } else { false }
            })
        guard case .forward(var run) = program[site] else { return }
        run.state = nil
        #expect(codes(program.inserting(.forward(run), at: site)) == [.stepOrder])
    }

    @Test("takes the decision of a router once")
    func takesDecisionOnce() throws {
        let layout = Layout(
            degrees: Degrees(), schedule: .gpipe, microBatches: 2, recompute: .full, tied: true,
            layerCount: 1)
        var program = try layout.program()
        let site = try #require(
            program.sites.first {
                if case .forward(let run) = program[$0], case .replay = run.decision {
                    true
                } else {
                    false
                }
            })
        guard case .forward(var run) = program[site] else { return }
        // The second decision goes to a slot of its own, so the first one stays as it was.
        let slot = Slot(program.classes[0].slots.count)
        let plan = try #require(program.classes[0].slots.first { $0.kind == .routing })
        program.classes[0].slots.append(plan)
        run.decision = .take(slot)
        program = program.replacing(site, with: .forward(run))
        program = program.inserting(
            .free(slot), at: Site(stage: 0, position: site.position + 1))
        #expect(codes(program) == [.stepOrder])
    }

    @Test("sends each message once")
    func sendsOnce() throws {
        let program = try Layout.tiny[1].program()
        let send = id(.activation(into: 1, microBatch: 0), .send)
        let start = try #require(program.start(of: send, stage: 0))
        var damaged = program
        for instruction in [.wait(send), program[start]] {
            damaged = damaged.inserting(instruction, at: start)
        }
        #expect(codes(damaged) == [.stepOrder])
    }

    @Test("misses a message that is not sent")
    func missesSends() throws {
        for (stage, payload) in [
            (0, Payload.activation(into: 1, microBatch: 1)),
            (1, .activationGradient(into: 1, microBatch: 1)),
        ] {
            let send = id(payload, .send)
            var program = try Layout.tiny[1].program()
            program = program.leavingOut(try #require(program.start(of: send, stage: stage)))
            program = program.leavingOut(try #require(program.site(of: .wait(send), stage: stage)))
            let problems = program.verify()
            #expect(
                problems.map(\.description) == [
                    "error: stage \(stage) never starts `\(send)`  [step-order]"
                ])
        }
    }
}
