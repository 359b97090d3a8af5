import ApusBase
import ApusProgram
import ApusTrace

/// A class's program with all prices and places looked up, as flat numbers.
struct LoweredProgram {
    /// 24 bytes: a step is read through once for each actor.
    struct Operation {
        enum Code: UInt8 {
            case none, compute, start, wait
        }

        var code: Code
        var isSend = false
        /// An index into `queues`.
        var queue: UInt16 = 0
        /// The how manieth transfer of its queue it is.
        var order: Int32 = 0
        /// The share of a link's bandwidth that a transfer uses alone.
        var share: Float = 0
        /// Seconds of computation, or on the wire.
        var work = 0.0
    }

    let classIndex: Int
    private(set) var operations: ContiguousArray<Operation> = []
    private(set) var queues: [Queue] = []
    /// How many transfers each queue carries.
    private(set) var counts: [Int] = []
    /// Bytes in slots after each instruction, where a trace is wanted.
    private(set) var held: ContiguousArray<Int> = []
    /// The most at once, with what an instruction needs beside slots while it computes.
    private(set) var heldPeak = 0
    /// Bytes that one rank sends, by kind of payload.
    private(set) var sent: [(payload: Payload, size: Bytes)?]

    private var heldNow = 0
    private var isHeld: [Bool]
    private var open: [(id: Transfer.ID, queue: UInt16, order: Int32)] = []
    private var prices: [Price?] = []

    private struct Price {
        var size: Bytes
        var work: Double
        var share: Float
    }

    init(
        _ program: ProgramClass, index: Int, prices: some InstructionPrices, records: Bool
    ) {
        classIndex = index
        sent = Array(repeating: nil, count: Payload.kindCount)
        isHeld = Array(repeating: false, count: program.slots.count)
        let count = program.instructions.count
        operations.reserveCapacity(count)
        if records { held.reserveCapacity(count) }
        for place in 0..<count {
            lower(program.instructions[place], of: program, prices)
            if records { held.append(heldNow) }
        }
    }

    private mutating func lower(
        _ instruction: Instruction, of program: ProgramClass,
        _ prices: some InstructionPrices
    ) {
        switch instruction {
        case .forward(let run):
            if let state = run.state { write(state, program) }
            for slot in run.outputs { write(slot, program) }
            if case .take(let slot) = run.decision { write(slot, program) }
            heldPeak = max(heldPeak, heldNow + prices.workspace(of: run).count)
            append(prices.computation(instruction, of: program))
        case .backward(let run):
            for slot in run.inputGradients { write(slot, program) }
            if let factors = run.factors { write(factors, program) }
            append(prices.computation(instruction, of: program))
        case .weightBackward, .zeroGradients, .gradientNorm, .optimizerStep:
            append(prices.computation(instruction, of: program))
        case .start(let transfer):
            if let destination = transfer.destination { write(destination, program) }
            append(transfer, prices)
        case .wait(let id):
            append(waiting: id)
        case .free(let slot):
            if isHeld[slot.index] {
                isHeld[slot.index] = false
                heldNow -= program.slots[slot.index].size.count
            }
            operations.append(Operation(code: .none))
        }
    }

    private mutating func write(_ slot: Slot, _ program: ProgramClass) {
        guard !isHeld[slot.index] else { return }
        isHeld[slot.index] = true
        heldNow += program.slots[slot.index].size.count
        heldPeak = max(heldPeak, heldNow)
    }

    private mutating func append(_ time: Seconds) {
        operations.append(
            Operation(code: time > .zero ? .compute : .none, work: time.count))
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
        open.append((transfer.id, UInt16(queue), order))
        operations.append(
            Operation(
                code: .start, isSend: transfer.id.role == .send,
                queue: UInt16(queue), order: order,
                share: price.share, work: price.work))
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
    ) -> Price {
        let place = queue * Payload.kindCount + kind
        if let known = prices[place], known.size == transfer.size { return known }
        let price = Price(
            size: transfer.size, work: source.duration(of: transfer).count,
            share: Float(source.bandwidthShare(of: transfer)))
        prices[place] = price
        return price
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
