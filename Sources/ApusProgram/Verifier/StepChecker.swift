import ApusBase
import ApusPlan

/// Checks that a class does the whole work of a step, each part once and in the order that counts.
///
/// Each island runs backward once for each micro-batch, in the order of micro-batches, because
/// gradients are added up in that order on every layout. A bucket is reduced when its gradients
/// are complete, the norm is taken of reduced gradients, the weights are updated by the norm of all
/// ranks, and shares of sharded weights are exchanged after that.
struct StepChecker {
    private enum Phase {
        case computing, measured, summing, summed, updated
    }

    private let programClass: ProgramClass
    private let program: Program
    /// For each island of the class the micro-batches that went backward.
    private var backwards: [Island: Int] = [:]
    /// Those whose gradients of weights are added, too.
    private var completed: [Island: Int] = [:]
    private var headForwards = 0
    private var incomplete: Set<Island> = []
    private var decisions: Set<[Int]> = []
    private var started: Set<Transfer.ID> = []
    private var reduced: Set<Int> = []
    private var phase = Phase.computing
    private var problems: [Diagnostic] = []

    private let layers: Set<Int>

    private var microBatches: Int { program.shape.microBatches }

    private init(_ programClass: ProgramClass, in program: Program) {
        self.programClass = programClass
        self.program = program
        layers = Set(programClass.layers)
        for island in programClass.islands(in: program) {
            backwards[island] = 0
            completed[island] = 0
            incomplete.insert(island)
        }
    }

    /// What is wrong, in the order of the instructions; last what is missing.
    static func problems(_ programClass: ProgramClass, in program: Program) -> [Diagnostic] {
        var checker = StepChecker(programClass, in: program)
        if programClass.instructions.first != .zeroGradients {
            checker.missing("does not start with `\(Instruction.zeroGradients)`")
        }
        for (position, instruction) in programClass.instructions.enumerated() {
            let place = Place(stage: programClass.stage, instruction, position)
            if let what = checker.problem(with: instruction, at: position) {
                checker.problems.append(place.diagnostic(.stepOrder, what))
            }
        }
        checker.finish()
        return checker.problems
    }

    private mutating func problem(with instruction: Instruction, at position: Int) -> String? {
        switch instruction {
        case .zeroGradients:
            return position == 0 ? nil : "would clear gradients that count"
        case .forward(let run):
            return forward(run)
        case .backward(let run):
            return backward(run)
        case .weightBackward(let run):
            return weightBackward(run)
        case .start(let transfer):
            return start(transfer)
        case .wait(let id):
            if case .gradients(let bucket) = id.payload { reduced.insert(bucket) }
            if case .statistics = id.payload, phase == .summing { phase = .summed }
            return nil
        case .free:
            return nil
        case .gradientNorm:
            guard phase == .computing, incomplete.isEmpty,
                reduced.count == programClass.buckets.count
            else { return "comes before all gradients are reduced, or again" }
            phase = .measured
            return nil
        case .optimizerStep:
            guard phase == .summed else { return "does not follow the sum over all ranks" }
            phase = .updated
            return nil
        }
    }
}

// MARK: - Islands

extension StepChecker {
    private mutating func forward(_ run: Forward) -> String? {
        if let problem = stray(run.island, run.microBatch) { return problem }
        switch (run.island, run.decision) {
        case (.head, _):
            headForwards += 1
            return run.microBatch == headForwards - 1
                ? nil : "adds its loss out of order, or again"
        case (.attention(let layer), .take), (.router(let layer), .take):
            return decisions.insert([layer, run.microBatch]).inserted
                ? nil : "takes a decision that was taken before"
        default:
            return nil
        }
    }

    private mutating func backward(_ run: Backward) -> String? {
        if let problem = stray(run.island, run.microBatch) { return problem }
        let next = backwards[run.island, default: 0]
        guard run.microBatch == next else {
            return "comes where micro-batch \(next) is the next to go backward"
        }
        backwards[run.island] = next + 1
        return run.factors == nil ? complete(run.island, run.microBatch) : nil
    }

    private mutating func weightBackward(_ run: WeightBackward) -> String? {
        stray(run.island, run.microBatch) ?? complete(run.island, run.microBatch)
    }

    /// Notes that an island's gradients of weights are added for a micro-batch.
    private mutating func complete(_ island: Island, _ microBatch: Int) -> String? {
        let next = completed[island, default: 0]
        guard microBatch == next else {
            return "adds to weights' gradients where micro-batch \(next) is the next to do so"
        }
        completed[island] = next + 1
        if next + 1 == microBatches { incomplete.remove(island) }
        return nil
    }

    private func stray(_ island: Island, _ microBatch: Int) -> String? {
        guard backwards[island] != nil else { return "is no work of this stage" }
        return (0..<microBatches).contains(microBatch)
            ? nil : "is of a micro-batch that the step does not have"
    }
}

// MARK: - Transfers

extension StepChecker {
    private mutating func start(_ transfer: Transfer) -> String? {
        let payload = transfer.id.payload
        let (layer, microBatch) = payload.place
        if let layer, !layers.contains(layer) { return "is of another stage's layer" }
        if let microBatch, !(0..<microBatches).contains(microBatch) {
            return "is of a micro-batch that the step does not have"
        }
        guard started.insert(transfer.id).inserted || payload.isRepeatable else {
            return "sends a second time what a step sends once"
        }
        switch payload {
        case .gradients(let bucket):
            guard programClass.buckets.indices.contains(bucket) else { return nil }
            let isReady =
                programClass.islands(of: programClass.buckets[bucket], parts: program.parts)
                .map(incomplete.isDisjoint) ?? incomplete.isEmpty
            return isReady ? nil : "reduces gradients before they are complete"
        case .weights(let bucket):
            guard programClass.buckets.indices.contains(bucket) else { return nil }
            return phase == .updated && programClass.buckets[bucket].isSharded
                ? nil : "sends weights that no rank has updated for others"
        case .statistics:
            guard phase == .measured else { return "does not follow the gradients' norm" }
            phase = .summing
            return nil
        case .activation, .activationGradient, .gather, .scatter, .scatterGradient,
            .gatherGradient, .counts, .dispatch, .combine, .combineGradient, .dispatchGradient:
            return nil
        }
    }

    private mutating func finish() {
        for island in programClass.islands(in: program) where incomplete.contains(island) {
            missing(
                "runs `\(island)` backward for \(completed[island, default: 0]) "
                    + "of \(microBatches) micro-batches")
        }
        for (index, bucket) in programClass.buckets.enumerated() {
            if !reduced.contains(index) { missing("does not reduce bucket b\(index)") }
            let weights = Transfer.ID(payload: .weights(bucket: index), role: .join)
            if bucket.isSharded, !started.contains(weights) {
                missing("does not exchange the weights of bucket b\(index)")
            }
        }
        let names = programClass.buckets.flatMap(\.parameters)
        if Set(names).count != names.count { missing("has a weight in two buckets") }
        for send in sends {
            let missed = (0..<microBatches).first { !started.contains(send($0)) }
            if let missed { missing("never starts `\(send(missed))`") }
        }
        if phase != .updated { missing("does not end with updated weights") }
    }

    /// What the neighbours wait for, by micro-batch.
    private var sends: [(Int) -> Transfer.ID] {
        let shape = program.mesh.virtualStages
        let stage = programClass.stage.index
        var result: [(Int) -> Transfer.ID] = []
        for own in (0..<shape.chunks).map({ shape.index(stage: stage, chunk: $0) }) {
            let next = own + 1
            if next < shape.count, !shape.isLocal(entering: next) {
                result.append {
                    Transfer.ID(payload: .activation(into: next, microBatch: $0), role: .send)
                }
            }
            if own > 0, !shape.isLocal(entering: own) {
                result.append {
                    Transfer.ID(
                        payload: .activationGradient(into: own, microBatch: $0), role: .send)
                }
            }
        }
        return result
    }

    private mutating func missing(_ what: String) {
        problems.append(
            Diagnostic(.stepOrder, problem: "stage \(programClass.stage) \(what)"))
    }
}
