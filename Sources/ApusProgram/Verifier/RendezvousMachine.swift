import ApusBase
import ApusPlan

/// Runs the communications of a program, with computation taking no time.
struct RendezvousMachine {
    private let program: Program
    private var states: [ClassState]

    init(_ program: Program) {
        self.program = program
        states = program.classes.map { _ in ClassState() }
    }

    /// Returns where the program stops, or where two stages disagree; nothing if it ends.
    mutating func run() -> [Diagnostic] {
        var progressed = true
        while progressed {
            progressed = false
            for index in states.indices {
                if states[index].advance(program.classes[index].instructions, isAlone: isAlone) {
                    progressed = true
                }
            }
            for index in states.indices {
                for queue in states[index].queues {
                    do {
                        if try completeHead(of: queue, at: index) { progressed = true }
                    } catch {
                        return error.diagnostics
                    }
                }
            }
        }
        let waiting = states.indices.filter {
            states[$0].position < program.classes[$0].instructions.count
        }
        return waiting.isEmpty ? [] : [waitForever(waiting)]
    }

    /// Completes the first transfer of a queue if all its partners are at theirs.
    private mutating func completeHead(of queue: Queue, at index: Int) throws(Problems) -> Bool {
        // All classes are at the world's transfers or none goes on, so it is enough to ask for one.
        guard let head = states[index].heads[queue], queue != .group(.world) || index == 0 else {
            return false
        }
        let partners = partners(of: queue, at: index)
        for partner in partners {
            guard let other = states[partner].heads[queue] else { return false }
            guard matches(head, at: index, other, at: partner) else {
                throw Problems([differ(head, index, other, partner)])
            }
        }
        states[index].completeHead(of: queue)
        for partner in partners { states[partner].completeHead(of: queue) }
        return true
    }

    private func matches(
        _ one: Transfer, at index: Int, _ other: Transfer, at otherIndex: Int
    ) -> Bool {
        guard one.size == other.size, one.id.role == other.id.role.opposite else { return false }
        switch (one.id.payload, other.id.payload) {
        // The embedding's bucket has another number on each stage that holds a copy.
        case (.gradients(let left), .gradients(let right)),
            (.weights(let left), .weights(let right)):
            return program.classes[index].buckets[left]
                == program.classes[otherIndex].buckets[right]
        case (let left, let right):
            return left == right
        }
    }

    /// Whether no other class takes part in a queue's transfers.
    private func isAlone(_ queue: Queue) -> Bool {
        switch queue {
        case .group(.data), .group(.tensor), .group(.expert), .group(.expertData): true
        case .group(.embedding): program.mesh.embeddingStages.count == 1
        case .group(.world): states.count == 1
        case .activations, .gradients: false
        }
    }

    /// The classes that take part in a queue's transfers beside class `index`.
    private func partners(of queue: Queue, at index: Int) -> [Int] {
        program.mesh.stages(of: queue, from: Stage(index)).map(\.index).filter { $0 != index }
    }
}

// MARK: - What it says

extension RendezvousMachine {
    /// The first stage that waits, and up to this many others.
    private static let otherCountMax = 15

    private func waitForever(_ waiting: [Int]) -> Diagnostic {
        let others = states.indices.filter { $0 != waiting[0] }
        var details = others.prefix(Self.otherCountMax).map { other in
            waiting.contains(other)
                ? "stage \(other) waits at \(place(of: other))" : "stage \(other) has ended"
        }
        if others.count > details.count {
            details.append("and \(others.count - details.count) more stages")
        }
        return Diagnostic(
            .deadlock,
            problem: "stage \(waiting[0]) would wait forever at \(place(of: waiting[0]))",
            details: details, hint: Self.bug)
    }

    private func place(of index: Int) -> String {
        let position = states[index].position
        return "instruction \(position) `\(program.classes[index].instructions[position])`"
    }

    private func differ(
        _ one: Transfer, _ index: Int, _ other: Transfer, _ otherIndex: Int
    ) -> Diagnostic {
        Diagnostic(
            .transferMismatch,
            problem: "stages \(index) and \(otherIndex) disagree on what `\(one.queue.name)` "
                + "carries next",
            details: [
                "stage \(index): `\(Instruction.start(one))`",
                "stage \(otherIndex): `\(Instruction.start(other))`",
            ], hint: Self.bug)
    }

    private static var bug: String {
        "a program from the compiler is free of this: if it made this one, please report it "
            + "with the output of `apus program`"
    }
}

/// Where one class stands.
private struct ClassState {
    private(set) var position = 0
    /// The transfer of each queue that is the next to complete.
    private(set) var heads: [Queue: Transfer] = [:]
    /// The queues with a transfer that is not complete.
    var queues: [Queue] { heads.keys.sorted() }
    private var waiting: [Queue: ArraySlice<Transfer>] = [:]
    private var completed: Set<Transfer.ID> = []

    /// Goes on until the next wait for a transfer that is not complete.
    ///
    /// - Parameters:
    ///   - instructions: the class's program.
    ///   - isAlone: whether no other class takes part in a queue; the ranks of a class start its
    ///     transfers together, so they complete at once.
    /// - Returns: whether it moved.
    mutating func advance(_ instructions: [Instruction], isAlone: (Queue) -> Bool) -> Bool {
        let before = position
        while position < instructions.count {
            switch instructions[position] {
            case .start(let transfer):
                if isAlone(transfer.queue) {
                    completed.insert(transfer.id)
                } else if heads[transfer.queue] == nil {
                    heads[transfer.queue] = transfer
                } else {
                    waiting[transfer.queue, default: []].append(transfer)
                }
            case .wait(let id):
                guard completed.remove(id) != nil else { return position > before }
            case .zeroGradients, .forward, .backward, .weightBackward, .free, .gradientNorm,
                .optimizerStep:
                break
            }
            position += 1
        }
        return position > before
    }

    mutating func completeHead(of queue: Queue) {
        guard let head = heads.removeValue(forKey: queue) else { return }
        completed.insert(head.id)
        heads[queue] = waiting[queue]?.popFirst()
    }
}

extension Role {
    /// What the other side of a transfer is.
    fileprivate var opposite: Role {
        switch self {
        case .send: .receive
        case .receive: .send
        case .join: .join
        }
    }
}
