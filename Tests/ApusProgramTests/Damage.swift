import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

/// Where an instruction stands in a program.
struct Site: Hashable, CustomStringConvertible {
    var stage: Int
    var position: Int

    var description: String { "stage \(stage), instruction \(position)" }
}

extension Program {
    /// Every place of an instruction.
    var sites: [Site] {
        classes.indices.flatMap { stage in
            classes[stage].instructions.indices.map { Site(stage: stage, position: $0) }
        }
    }

    /// The places of the transfers' starts.
    var starts: [(site: Site, transfer: Transfer)] {
        sites.compactMap { site in
            if case .start(let transfer) = self[site] { (site, transfer) } else { nil }
        }
    }

    subscript(site: Site) -> Instruction {
        get { classes[site.stage].instructions[site.position] }
        set { classes[site.stage].instructions[site.position] = newValue }
    }

    func leavingOut(_ site: Site) -> Program {
        var result = self
        result.classes[site.stage].instructions.remove(at: site.position)
        return result
    }

    func inserting(_ instruction: Instruction, at site: Site) -> Program {
        var result = self
        result.classes[site.stage].instructions.insert(instruction, at: site.position)
        return result
    }

    func replacing(_ site: Site, with instruction: Instruction) -> Program {
        var result = self
        result[site] = instruction
        return result
    }

    func swapping(_ site: Site, with position: Int) -> Program {
        var result = self
        result.classes[site.stage].instructions.swapAt(site.position, position)
        return result
    }

    /// The same program with an instruction of `site` moved to another place of its stage.
    func moving(_ site: Site, to position: Int) -> Program {
        var result = self
        let instruction = result.classes[site.stage].instructions.remove(at: site.position)
        result.classes[site.stage].instructions.insert(instruction, at: position)
        return result
    }

    /// The first place of a stage, not before `position`, whose instruction is `instruction`.
    func site(of instruction: Instruction, stage: Int, from position: Int = 0) -> Site? {
        let instructions = classes[stage].instructions
        return instructions[position...].firstIndex(of: instruction)
            .map { Site(stage: stage, position: $0) }
    }

    /// The place where a stage starts a transfer.
    func start(of id: Transfer.ID, stage: Int) -> Site? {
        starts.first { $0.site.stage == stage && $0.transfer.id == id }?.site
    }
}

extension Instruction {
    /// The instruction with one number of its meaning changed, for each such number.
    func withOtherNumbers() -> [Instruction] {
        switch self {
        case .forward(var run):
            let other = run.island.onOtherLayer.map { island in
                var moved = run
                moved.island = island
                return Instruction.forward(moved)
            }
            run.microBatch += 1
            return [.forward(run)] + (other.map { [$0] } ?? [])
        case .backward(var run):
            let other = run.island.onOtherLayer.map { island in
                var moved = run
                moved.island = island
                return Instruction.backward(moved)
            }
            run.microBatch += 1
            return [.backward(run)] + (other.map { [$0] } ?? [])
        case .weightBackward(var run):
            let other = run.island.onOtherLayer.map { island in
                var moved = run
                moved.island = island
                return Instruction.weightBackward(moved)
            }
            run.microBatch += 1
            return [.weightBackward(run)] + (other.map { [$0] } ?? [])
        case .start(let transfer):
            return transfer.id.payload.withOtherNumbers.map { payload in
                var other = transfer
                other.id.payload = payload
                return .start(other)
            }
        case .wait(let id):
            return id.payload.withOtherNumbers.map {
                .wait(Transfer.ID(payload: $0, role: id.role))
            }
        case .zeroGradients, .free, .gradientNorm, .optimizerStep:
            return []
        }
    }
}

extension Island {
    fileprivate var onOtherLayer: Island? {
        switch self {
        case .embedding, .head: nil
        case .attention(let layer): .attention(layer: layer + 1)
        case .norm(let layer): .norm(layer: layer + 1)
        case .heads(let layer): .heads(layer: layer + 1)
        case .router(let layer): .router(layer: layer + 1)
        case .experts(let layer): .experts(layer: layer + 1)
        case .feedForward(let layer): .feedForward(layer: layer + 1)
        case .residual(let layer): .residual(layer: layer + 1)
        }
    }
}

extension Payload {
    fileprivate var withOtherNumbers: [Payload] {
        func both(_ layer: Int, _ batch: Int, _ make: (Int, Int) -> Payload) -> [Payload] {
            [make(layer + 1, batch), make(layer, batch + 1)]
        }
        return switch self {
        case .activation(let index, let batch): both(index, batch, Payload.activation)
        case .activationGradient(let index, let batch):
            both(index, batch, Payload.activationGradient)
        case .gather(let half, let layer, let batch):
            both(layer, batch) { .gather(half, layer: $0, microBatch: $1) }
        case .scatter(let half, let layer, let batch):
            both(layer, batch) { .scatter(half, layer: $0, microBatch: $1) }
        case .scatterGradient(let half, let layer, let batch):
            both(layer, batch) { .scatterGradient(half, layer: $0, microBatch: $1) }
        case .gatherGradient(let half, let layer, let batch):
            both(layer, batch) { .gatherGradient(half, layer: $0, microBatch: $1) }
        case .counts(let layer, let batch): both(layer, batch, Payload.counts)
        case .dispatch(let layer, let batch): both(layer, batch, Payload.dispatch)
        case .combine(let layer, let batch): both(layer, batch, Payload.combine)
        case .combineGradient(let layer, let batch): both(layer, batch, Payload.combineGradient)
        case .dispatchGradient(let layer, let batch): both(layer, batch, Payload.dispatchGradient)
        case .gradients(let bucket): [.gradients(bucket: bucket + 1)]
        case .weights(let bucket): [.weights(bucket: bucket + 1)]
        case .statistics: []
        }
    }
}

extension Program {
    /// Makes a stage wait for a send right after it started it, and start a receive after that.
    mutating func sendFirst(
        _ sent: Payload, receiveLater received: Payload, stage: Int
    ) throws {
        let send = Transfer.ID(payload: sent, role: .send)
        let receive = Transfer.ID(payload: received, role: .receive)
        let early = try #require(start(of: receive, stage: stage))
        let instruction = self[early]
        self = leavingOut(early)
        let sending = try #require(start(of: send, stage: stage))
        let wait = try #require(site(of: .wait(send), stage: stage))
        self = moving(wait, to: sending.position + 1)
        self = inserting(
            instruction, at: Site(stage: stage, position: sending.position + 2))
    }
}
