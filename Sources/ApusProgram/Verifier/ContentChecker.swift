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
    private var sizes: [Content.Part: Bytes] = [:]
    private var countsSize: Bytes?
    private var inFlight: [Transfer.ID: Transfer] = [:]
    private var problems: [Diagnostic] = []

    init(_ programClass: ProgramClass, in program: Program) {
        self.programClass = programClass
        self.program = program
        rules = ContentRules(
            layers: programClass.layers, hasAllExperts: program.mesh.degrees.expert == 1)
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
        case (.attention, .take(let slot)), (.router, .take(let slot)):
            put(rules.decision(layer, microBatch, isCounted: false), in: slot, place)
        case (.attention, .replay(let slot)), (.router, .replay(let slot)),
            (.experts, .use(let slot)), (.residual, .use(let slot)):
            expect([rules.decision(layer, microBatch, isCounted: true)], in: [slot], place)
        case (.embedding, nil), (.norm, nil), (.heads, nil), (.head, nil):
            break
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
    }
}

// MARK: - Transfers

extension ContentChecker {
    private mutating func start(_ transfer: Transfer, _ place: Place) {
        inFlight[transfer.id] = transfer
        guard let rule = rules.rule(for: transfer.id, buckets: programClass.buckets) else {
            return report(.transferMismatch, "names a bucket that the class lacks", place)
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
        let isFirst = programClass.stage.index == 0
        let isLast = programClass.stage == program.mesh.lastStage
        switch queue {
        case .activationsIn, .gradientsOut:
            return isFirst ? "has no stage before it to talk to" : nil
        case .activationsOut, .gradientsIn:
            return isLast ? "has no stage behind it to talk to" : nil
        case .group(.embedding):
            return isFirst || isLast ? nil : "is on a stage without the embedding"
        case .group(.data), .group(.tensor), .group(.expert), .group(.expertData), .group(.world):
            return nil
        }
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
        let usual = sizes[content.sizeClass] ?? plan.size
        sizes[content.sizeClass] = usual
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
