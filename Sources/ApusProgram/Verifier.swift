package import ApusBase
import ApusPlan

extension Program {
    /// Proves that the program runs to its end on every rank, or says where it would not.
    ///
    /// What is proven: each slot is written before it is read and free at the end; every send has
    /// its receive with the same payload and size; the ranks of a group run its collectives in the
    /// same order; nobody waits forever. The network is taken at its hardest: a send waits for its
    /// receiver, and each queue handles its transfers one at a time in the order they were started.
    ///
    /// One rank stands for each class: the ranks of a class run the same instructions, so what they
    /// do among themselves is in step, and between stages each has its own partner.
    package func verify() -> [Diagnostic] {
        let lifetimes = classes.flatMap(\.slotProblems)
        guard lifetimes.isEmpty else { return lifetimes }
        var machine = RendezvousMachine(self)
        return machine.run()
    }
}

/// Runs the communications of a program, with computation taking no time.
private struct RendezvousMachine {
    private let program: Program
    private var states: [ClassState]

    init(_ program: Program) {
        self.program = program
        states = program.classes.map { _ in ClassState() }
    }

    mutating func run() -> [Diagnostic] {
        var progressed = true
        while progressed {
            progressed = false
            for index in states.indices {
                if states[index].advance(program.classes[index].instructions) { progressed = true }
            }
            for index in states.indices {
                for queue in Queue.all {
                    do {
                        if try completeHead(of: queue, at: index) { progressed = true }
                    } catch {
                        return error.diagnostics
                    }
                }
            }
        }
        let unfinished = states.indices.filter {
            states[$0].position < program.classes[$0].instructions.count
        }
        if unfinished.isEmpty { return leftOver() }
        return unfinished.map(waitsForever)
    }

    /// Completes the first transfer of a queue if all its partners are at theirs.
    private mutating func completeHead(of queue: Queue, at index: Int) throws(Problems) -> Bool {
        guard let head = states[index].heads[queue] else { return false }
        let partners = partners(of: queue, at: index)
        for partner in partners {
            guard let other = states[partner.stage].heads[partner.queue] else { return false }
            guard matches(head, other) else {
                throw Problems([differ(head, index, other, partner.stage)])
            }
        }
        states[index].completeHead(of: queue)
        for partner in partners { states[partner.stage].completeHead(of: partner.queue) }
        return true
    }

    private func matches(_ one: Transfer, _ other: Transfer) -> Bool {
        guard one.size == other.size else { return false }
        switch (one.id.payload, other.id.payload) {
        // The embedding's bucket has another number on each stage that holds a copy.
        case (.gradients, .gradients), (.weights, .weights): return true
        case (let left, let right): return left == right
        }
    }

    /// The classes that take part in a queue's transfers beside class `index`.
    private func partners(of queue: Queue, at index: Int) -> [(stage: Int, queue: Queue)] {
        let last = program.classes.count - 1
        switch queue {
        case .activationsIn: return index > 0 ? [(index - 1, .activationsOut)] : []
        case .activationsOut: return index < last ? [(index + 1, .activationsIn)] : []
        case .gradientsIn: return index < last ? [(index + 1, .gradientsOut)] : []
        case .gradientsOut: return index > 0 ? [(index - 1, .gradientsIn)] : []
        case .group(.embedding):
            let other = last - index
            return index == other || (index != 0 && index != last) ? [] : [(other, queue)]
        case .group(.world):
            return states.indices.filter { $0 != index }.map { ($0, queue) }
        case .group(.data), .group(.tensor), .group(.expert), .group(.expertData):
            return []
        }
    }
}

// MARK: - What it says

extension RendezvousMachine {
    private func waitsForever(_ index: Int) -> Diagnostic {
        let position = states[index].position
        let instruction = program.classes[index].instructions[position]
        let others = states.indices.filter { $0 != index }.map { other in
            let place = states[other].position
            let instructions = program.classes[other].instructions
            let what =
                place < instructions.count ? "waits at `\(instructions[place])`" : "has ended"
            return "stage \(other) \(what), instruction \(place)"
        }
        return Diagnostic(
            "deadlock",
            problem: "stage \(index) would wait forever at instruction \(position) "
                + "`\(instruction)`", details: others, hint: Self.bug)
    }

    private func differ(
        _ one: Transfer, _ index: Int, _ other: Transfer, _ otherIndex: Int
    ) -> Diagnostic {
        Diagnostic(
            "transfer-mismatch",
            problem: "stages \(index) and \(otherIndex) disagree on what `\(one.queue.name)` "
                + "carries next",
            details: [
                "stage \(index): `\(Instruction.start(one))`",
                "stage \(otherIndex): `\(Instruction.start(other))`",
            ], hint: Self.bug)
    }

    /// Transfers that were started and never completed, although every class reached its end.
    private func leftOver() -> [Diagnostic] {
        states.indices.flatMap { index in
            Queue.all.compactMap { states[index].heads[$0] }.map { transfer in
                Diagnostic(
                    transfer.id.role == .receive ? "unmatched-receive" : "unmatched-send",
                    problem: "stage \(index) starts `\(transfer.id)`, which nobody takes part in",
                    hint: Self.bug)
            }
        }
    }

    static var bug: String {
        "a program from the compiler is free of this: if it made this one, please report it "
            + "with the output of `apus program`"
    }
}

/// Where one class stands.
private struct ClassState {
    private(set) var position = 0
    private(set) var heads: [Queue: Transfer] = [:]
    private var waiting: [Queue: [Transfer]] = [:]
    private var completed: Set<Transfer.ID> = []

    /// Goes on until the next wait for a transfer that is not complete.
    ///
    /// The result says whether it moved.
    mutating func advance(_ instructions: [Instruction]) -> Bool {
        let before = position
        while position < instructions.count {
            switch instructions[position] {
            case .start(let transfer):
                if heads[transfer.queue] == nil {
                    heads[transfer.queue] = transfer
                } else {
                    waiting[transfer.queue, default: []].append(transfer)
                }
            case .wait(let id):
                guard completed.remove(id) != nil else { return position > before }
            case .zeroGradients, .forward, .backward, .free, .gradientNorm, .optimizerStep:
                break
            }
            position += 1
        }
        return position > before
    }

    mutating func completeHead(of queue: Queue) {
        guard let head = heads.removeValue(forKey: queue) else { return }
        completed.insert(head.id)
        if waiting[queue]?.isEmpty == false { heads[queue] = waiting[queue]?.removeFirst() }
    }
}
