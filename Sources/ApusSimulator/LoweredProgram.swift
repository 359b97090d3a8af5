import ApusBase
import ApusProgram
import ApusTrace

/// A class's program with all prices and places looked up, as flat numbers.
struct LoweredProgram {
    struct Operation {
        enum Code: UInt8 {
            case none, compute, start, wait
        }

        var code: Code
        var isSend = false
        var isReceive = false
        /// An index into `queues`.
        var queue: Int32 = 0
        /// The how manieth transfer of its queue it is.
        var order: Int32 = 0
        /// Seconds of computation, or on the wire.
        var work = 0.0
        /// The share of a link's bandwidth that a transfer uses alone.
        var share = 0.0
    }

    let classIndex: Int
    private(set) var operations: ContiguousArray<Operation> = []
    private(set) var queues: [Queue] = []
    /// How many transfers each queue carries.
    private(set) var counts: [Int] = []
    /// Bytes in slots after each instruction.
    private(set) var held: ContiguousArray<Int> = []
    private(set) var heldPeak = 0
    /// Bytes that one rank sends, by kind of payload.
    private(set) var sent: [(payload: Payload, size: Bytes)?]

    private var open: [(id: Transfer.ID, queue: Int32, order: Int32)] = []
    private var isHeld: [Bool]
    private var prices: [(size: Int, work: Double, share: Double)?] = []

    init(_ program: ProgramClass, index: Int, prices: some InstructionPrices) {
        classIndex = index
        sent = Array(repeating: nil, count: Payload.kindCount)
        isHeld = Array(repeating: false, count: program.slots.count)
        operations.reserveCapacity(program.instructions.count)
        held.reserveCapacity(program.instructions.count)
        var now = 0
        for instruction in program.instructions {
            now += change(of: instruction, in: program)
            heldPeak = max(heldPeak, now)
            held.append(now)
            switch instruction {
            case .start(let transfer): append(transfer, prices)
            case .wait(let id): append(waiting: id)
            case .free: operations.append(Operation(code: .none))
            case .zeroGradients, .forward, .backward, .gradientNorm, .optimizerStep:
                let time = prices.computation(instruction, of: program).count
                operations.append(Operation(code: time > 0 ? .compute : .none, work: time))
            }
        }
    }

    private mutating func append(_ transfer: Transfer, _ prices: some InstructionPrices) {
        let queue = index(of: transfer.queue)
        let order = Int32(counts[queue])
        counts[queue] += 1
        let kind = transfer.id.payload.kindIndex
        let price = price(transfer, queue, kind, prices)
        if transfer.id.role != .receive {
            sent[kind] = (
                transfer.id.payload, (sent[kind]?.size ?? .zero) + transfer.size
            )
        }
        open.append((transfer.id, Int32(queue), order))
        operations.append(
            Operation(
                code: .start, isSend: transfer.id.role == .send,
                isReceive: transfer.id.role == .receive, queue: Int32(queue), order: order,
                work: price.work, share: price.share))
    }

    private mutating func append(waiting id: Transfer.ID) {
        guard let place = open.lastIndex(where: { $0.id == id }) else {
            preconditionFailure("the verifier proves that a transfer is started before its wait")
        }
        let transfer = open.remove(at: place)
        operations.append(
            Operation(code: .wait, queue: transfer.queue, order: transfer.order))
    }

    private mutating func index(of queue: Queue) -> Int {
        if let index = queues.firstIndex(of: queue) { return index }
        queues.append(queue)
        counts.append(0)
        prices += Array(repeating: nil, count: Payload.kindCount)
        return queues.count - 1
    }

    /// Transfers of one kind have one size as a rule, so the last price is kept.
    private mutating func price(
        _ transfer: Transfer, _ queue: Int, _ kind: Int, _ source: some InstructionPrices
    ) -> (work: Double, share: Double) {
        let place = queue * Payload.kindCount + kind
        if let known = prices[place], known.size == transfer.size.count {
            return (known.work, known.share)
        }
        let work = source.duration(of: transfer).count
        let share = source.bandwidthShare(of: transfer)
        prices[place] = (transfer.size.count, work, share)
        return (work, share)
    }

    // MARK: - Memory

    /// By how many bytes the slots hold more after an instruction.
    private mutating func change(of instruction: Instruction, in program: ProgramClass) -> Int {
        switch instruction {
        case .forward(let run):
            var change = run.state.map { write($0, program) } ?? 0
            for slot in run.outputs { change += write(slot, program) }
            if case .take(let slot) = run.decision { change += write(slot, program) }
            return change
        case .backward(let run):
            var change = 0
            for slot in run.inputGradients { change += write(slot, program) }
            return change
        case .start(let transfer):
            return transfer.destination.map { write($0, program) } ?? 0
        case .free(let slot):
            guard isHeld[slot.index] else { return 0 }
            isHeld[slot.index] = false
            return -program.slots[slot.index].size.count
        case .zeroGradients, .wait, .gradientNorm, .optimizerStep:
            return 0
        }
    }

    private mutating func write(_ slot: Slot, _ program: ProgramClass) -> Int {
        guard !isHeld[slot.index] else { return 0 }
        isHeld[slot.index] = true
        return program.slots[slot.index].size.count
    }
}

extension Payload {
    fileprivate static let kindCount = 14

    /// The place of the payload's kind in a table.
    fileprivate var kindIndex: Int {
        switch self {
        case .activation: 0
        case .activationGradient: 1
        case .gather: 2
        case .scatter: 3
        case .scatterGradient: 4
        case .gatherGradient: 5
        case .counts: 6
        case .dispatch: 7
        case .combine: 8
        case .combineGradient: 9
        case .dispatchGradient: 10
        case .gradients: 11
        case .weights: 12
        case .statistics: 13
        }
    }
}
