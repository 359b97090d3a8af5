import ApusBase
import ApusPlan

/// Follows what the slots of a class hold, and compares it with what each instruction needs.
///
/// It runs on programs whose slots are sound, so every slot that is read holds something.
struct ContentChecker {
    private let programClass: ProgramClass
    private let program: Program
    private let rules: ContentRules
    private var contents: [Content?]
    /// The size of a part where it was met first.
    private var sizes: [SizeClass: Bytes] = [:]
    private var countsSize: Bytes?
    private var inFlight: [Transfer.ID: Transfer] = [:]
    private var problems: [Diagnostic] = []

    init(_ programClass: ProgramClass, in program: Program) {
        self.programClass = programClass
        self.program = program
        rules = ContentRules(programClass, in: program)
        contents = Array(repeating: nil, count: programClass.slots.count)
    }

    /// What is wrong, in the order of the instructions.
    static func problems(_ programClass: ProgramClass, in program: Program) -> [Diagnostic] {
        var checker = ContentChecker(programClass, in: program)
        for (position, instruction) in programClass.instructions.enumerated() {
            let place = Place(stage: programClass.stage, instruction, position)
            switch instruction {
            case .forward(let run): checker.forward(run, place)
            case .backward(let run): checker.backward(run, place)
            case .weightBackward(let run): checker.weightBackward(run, place)
            case .start(let transfer): checker.start(transfer, place)
            case .wait(let id): checker.finish(id, place)
            case .free(let slot): checker.contents[slot.index] = nil
            case .zeroGradients, .gradientNorm, .optimizerStep: break
            }
        }
        return checker.problems
    }
}

// MARK: - Islands

extension ContentChecker {
    private mutating func forward(_ run: Forward, _ place: Place) {
        let (island, microBatch) = (run.island, run.microBatch)
        expect(rules.inputs(island, microBatch), in: run.inputs, place)
        let layer = rules.state(island, microBatch).layer
        switch (island.kind, run.decision) {
        case (_, nil) where !rules.followsDecision(island):
            break
        case (_, .some) where !rules.followsDecision(island):
            report(.slotContent, "does not treat the router's decision as its island must", place)
        case (.attention, .take(let slot)), (.router, .take(let slot)):
            put(rules.decision(layer, microBatch, isCounted: false), in: slot, place)
        case (.attention, .replay(let slot)), (.router, .replay(let slot)),
            (.experts, .use(let slot)), (.residual, .use(let slot)):
            expect([rules.decision(layer, microBatch, isCounted: true)], in: [slot], place)
        default:
            report(.slotContent, "does not treat the router's decision as its island must", place)
        }
        write(rules.outputs(island, microBatch), to: run.outputs, place)
        if let state = run.state { put(rules.state(island, microBatch), in: state, place) }
    }

    private mutating func backward(_ run: Backward, _ place: Place) {
        let (island, microBatch) = (run.island, run.microBatch)
        expect([rules.state(island, microBatch)], in: [run.state], place)
        // Backward consumes what was kept.
        contents[run.state.index] = nil
        let outputs = rules.outputs(island, microBatch).map(\.gradient)
        expect(outputs, in: run.outputGradients, place)
        let inputs = rules.inputs(island, microBatch).map(\.gradient)
        write(inputs, to: run.inputGradients, place)
        guard let slot = run.factors else { return }
        guard island.hasWeightProducts else {
            return report(.slotContent, "splits the backward of an island without products", place)
        }
        put(rules.factors(island, microBatch), in: slot, place)
    }

    private mutating func weightBackward(_ run: WeightBackward, _ place: Place) {
        expect([rules.factors(run.island, run.microBatch)], in: [run.factors], place)
        contents[run.factors.index] = nil
    }
}

// MARK: - Transfers

extension ContentChecker {
    private mutating func start(_ transfer: Transfer, _ place: Place) {
        inFlight[transfer.id] = transfer
        guard let rule = rules.rule(for: transfer.id, buckets: programClass.buckets) else {
            return report(
                .transferMismatch, "names a bucket or a boundary that the class lacks", place)
        }
        guard transfer.id.role == rule.role, transfer.queue == rule.queue else {
            return report(
                .transferMismatch,
                "has to be a \(rule.role.rawValue) on `\(rule.queue.name)`", place)
        }
        if let problem = missingMembers(of: rule.queue) {
            return report(.transferMismatch, problem, place)
        }
        let before = problems.count
        expect([rule.source].compactMap(\.self), in: [transfer.source].compactMap(\.self), place)
        expect([rule.routing].compactMap(\.self), in: [transfer.routing].compactMap(\.self), place)
        guard (transfer.destination == nil) == (rule.destination == nil) else {
            return report(.slotContent, "has another number of destinations than it fills", place)
        }
        // A slot with another value may well have another size, so that is not said too.
        guard problems.count == before else { return }
        if let expected = expectedSize(transfer, rule), expected != transfer.size {
            report(
                .transferMismatch,
                "moves \(transfer.size.count)B where its slots or its bucket say "
                    + "\(expected.count)B", place)
        }
        checkShare(transfer, rule, place)
    }

    private mutating func finish(_ id: Transfer.ID, _ place: Place) {
        guard let transfer = inFlight.removeValue(forKey: id),
            let rule = rules.rule(for: id, buckets: programClass.buckets)
        else { return }
        if let slot = transfer.destination, let content = rule.destination {
            put(content, in: slot, place)
        }
        if case .counts(let layer, let microBatch) = id.payload, let slot = transfer.routing {
            contents[slot.index] = rules.decision(layer, microBatch, isCounted: true)
        }
    }

    /// Why this class takes part in no transfer of the queue, if it does not.
    private func missingMembers(of queue: Queue) -> String? {
        guard queue == .group(.embedding),
            !program.mesh.embeddingStages.contains(programClass.stage)
        else { return nil }
        return "is on a stage without the embedding"
    }

    private mutating func expectedSize(_ transfer: Transfer, _ rule: TransferRule) -> Bytes? {
        let source = transfer.source.map(size)
        let destination = transfer.destination.map(size)
        switch rule.sizing {
        case .whole: return source ?? destination
        case .gathering: return destination
        case .scattering: return source
        case .bucket(let size): return size
        case .free:
            guard case .counts = transfer.id.payload else { return nil }
            // The number of experts is that of the model, in each layer the same.
            let first = countsSize ?? transfer.size
            countsSize = first
            return first
        }
    }

    /// The side of a transfer that is a share of the other, or as large as it.
    private mutating func checkShare(_ transfer: Transfer, _ rule: TransferRule, _ place: Place) {
        guard let source = transfer.source.map(size),
            let destination = transfer.destination.map(size)
        else { return }
        let ranks = program.mesh.degrees.tensor
        let fits =
            switch rule.sizing {
            case .gathering: ranks * source == destination
            case .scattering: source == ranks * destination
            case .whole, .bucket, .free: source == destination
            }
        if !fits {
            report(
                .transferMismatch,
                "moves a slot of \(source.count)B into one of \(destination.count)B", place)
        }
    }

    private func size(_ slot: Slot) -> Bytes { programClass.slots[slot.index].size }
}

// MARK: - Slots

extension ContentChecker {
    private mutating func expect(_ needed: [Content], in slots: [Slot], _ place: Place) {
        guard needed.count == slots.count else {
            return report(
                .slotContent, "reads \(slots.count) slots where it needs \(needed.count)", place)
        }
        for (content, slot) in zip(needed, slots) where contents[slot.index] != content {
            let held = contents[slot.index].map { "`\($0)`" } ?? "nothing that can be read"
            report(.slotContent, "needs `\(content)` in `\(slot)`, which holds \(held)", place)
        }
    }

    private mutating func write(_ made: [Content], to slots: [Slot], _ place: Place) {
        guard made.count == slots.count else {
            return report(
                .slotContent, "writes \(slots.count) slots where it makes \(made.count)", place)
        }
        for (content, slot) in zip(made, slots) { put(content, in: slot, place) }
    }

    private mutating func put(_ content: Content, in slot: Slot, _ place: Place) {
        contents[slot.index] = content
        let plan = programClass.slots[slot.index]
        guard plan.kind == content.kind else {
            return report(
                .slotContent,
                "puts `\(content)` in `\(slot)`, which is a slot for \(plan.kind.rawValue)", place)
        }
        let sizeClass = SizeClass(content, in: program.parts)
        let usual = sizes[sizeClass] ?? plan.size
        sizes[sizeClass] = usual
        if usual != plan.size {
            report(
                .slotContent,
                "puts `\(content)` in `\(slot)` of \(plan.size.count)B; elsewhere such a value "
                    + "has \(usual.count)B", place)
        }
    }

    private mutating func report(_ code: DiagnosticCode, _ what: String, _ place: Place) {
        problems.append(place.diagnostic(code, what))
    }
}

/// An instruction and where it stands.
struct Place {
    private let stage: Stage
    private let instruction: Instruction
    private let position: Int

    init(stage: Stage, _ instruction: Instruction, _ position: Int) {
        self.stage = stage
        self.instruction = instruction
        self.position = position
    }

    func diagnostic(_ code: DiagnosticCode, _ what: String) -> Diagnostic {
        Diagnostic(
            code, problem: "stage \(stage), instruction \(position) `\(instruction)` \(what)")
    }
}
