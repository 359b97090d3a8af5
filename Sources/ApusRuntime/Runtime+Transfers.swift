import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import ApusSystem
import BasicContainers

/// Transfers between their start and their wait.
struct TransferList: ~Copyable {
    struct Entry: ~Copyable {
        let transfer: Transfer
        let work: Work
        /// What arrives; `nil` where the transfer works in place.
        var arriving: Tensor?
    }

    private var entries = UniqueArray<Entry>()

    mutating func append(_ entry: consuming Entry) { entries.append(entry) }

    mutating func remove(_ id: Transfer.ID) -> Entry {
        for index in 0..<entries.count where entries[index].transfer.id == id {
            return entries.remove(at: index)
        }
        preconditionFailure("the verifier proves that a transfer is started before its wait")
    }
}

/// The bridges.
extension Runtime {
    func start(_ transfer: Transfer) throws {
        switch transfer.id.payload {
        case .activation, .activationGradient:
            try startPointToPoint(transfer)
        case .counts:
            try startCounts(transfer)
        case .dispatch, .combineGradient:
            try startExchange(transfer, toExperts: true)
        case .combine, .dispatchGradient:
            try startExchange(transfer, toExperts: false)
        case .gather, .scatterGradient:
            try startGather(transfer)
        case .scatter, .gatherGradient:
            try startScatter(transfer)
        case .weights:
            throw InstructionFailure(check: "this transfer is planned, but not executed yet")
        case .gradients(let bucket):
            try startReduction(transfer, of: try parameters.gradientBucket(bucket))
        case .statistics:
            try message.copy(
                from: try engine.tensor(statistics.values, shape: [statistics.values.count]))
            try startReduction(transfer, of: try message.alias())
        }
    }

    /// Waits for a transfer, counts the time, and puts what arrived into its slot.
    func wait(_ id: Transfer.ID) throws {
        let entry = transfers.remove(id)
        let transfer = entry.transfer
        let start = monotonicSeconds()
        let arrived = try entry.finish()
        let seconds = monotonicSeconds() - start
        switch id.role {
        case .send, .receive: bubbleSeconds += seconds
        case .join: communicationSeconds += seconds
        }
        switch id.payload {
        case .counts:
            guard let slot = transfer.routing, let arrived else { return }
            let counts = try arrived.integers().map { Int($0) }
            try check(counts)
            slots.decision(slot).setArrivals(counts, sources: expertDegree)
        case .statistics:
            statistics.values = try message.doubles()
        case .scatter, .gatherGradient:
            guard let slot = transfer.destination, let arrived else { return }
            slots.put(try sumOfShares(arrived), in: slot)
        case .activation, .activationGradient, .dispatch, .combine, .combineGradient,
            .dispatchGradient, .gradients, .gather, .scatterGradient, .weights:
            guard let slot = transfer.destination, let arrived else { return }
            slots.put(arrived, in: slot)
        }
    }

    private var expertDegree: Int { setting.program.mesh.degrees.expert }

    /// Counts that no sender can have sent would make the next exchange read or write astray.
    private func check(_ counts: [Int]) throws(InstructionFailure) {
        let mostRows = setting.program.shape.localTokens * setting.model.topK
        guard counts.allSatisfy({ 0...mostRows ~= $0 }) else {
            throw InstructionFailure(
                check: "counts \(counts) arrived, where a rank has at most \(mostRows) rows to send"
            )
        }
    }

    private func startPointToPoint(_ transfer: Transfer) throws {
        // A boundary's group holds two ranks, the one before it first.
        let peer: Int
        switch (transfer.queue, transfer.id.role) {
        case (.activations, .send), (.gradients, .receive): peer = 1
        case (.activations, .receive), (.gradients, .send): peer = 0
        case (.group, _), (_, .join):
            preconditionFailure("a group carries no point-to-point messages")
        }
        if let source = transfer.source {
            let tensor = try slots.tensor(source)
            recorder?.sends(tensor.size)
            let work = try communicators.with(transfer.queue) { group throws(EngineError) in
                try group.send(tensor, to: peer, tag: 0)
            }
            transfers.append(TransferList.Entry(transfer: transfer, work: work, arriving: nil))
        } else {
            let shape = setting.program.shape
            let tensor = try engine.empty(
                [shape.localTokens, setting.model.hiddenSize], .float32)
            recorder?.sends(tensor.size)
            let work = try communicators.with(transfer.queue) { group throws(EngineError) in
                try group.receive(into: tensor, from: peer, tag: 0)
            }
            transfers.append(TransferList.Entry(transfer: transfer, work: work, arriving: tensor))
        }
    }

    private func startCounts(_ transfer: Transfer) throws {
        guard let slot = transfer.routing else { preconditionFailure("counts are of a decision") }
        let counts = slots.decision(slot).countsByExpert.map(Int64.init)
        let leaving = try engine.tensor(counts, shape: [counts.count])
        recorder?.sends(leaving.size)
        let arriving = try engine.empty([counts.count], .int64)
        let even = [Int](repeating: counts.count / expertDegree, count: expertDegree)
        let work = try communicators.with(transfer.queue) { group throws(EngineError) in
            try group.allToAll(
                output: arriving, input: leaving, outputSplits: even, inputSplits: even)
        }
        transfers.append(TransferList.Entry(transfer: transfer, work: work, arriving: arriving))
    }

    private func startExchange(_ transfer: Transfer, toExperts: Bool) throws {
        guard let source = transfer.source, let routing = transfer.routing else {
            preconditionFailure("an exchange moves rows by a decision")
        }
        let decision = slots.decision(routing)
        let departures = decision.departures(to: expertDegree)
        let arrivals = decision.arrivalsBySource
        let inputSplits = toExperts ? departures : arrivals
        let outputSplits = toExperts ? arrivals : departures
        let leaving = try slots.tensor(source).contiguous()
        recorder?.sends(leaving.size)
        let arriving = try engine.empty(
            [outputSplits.reduce(0, +), setting.model.hiddenSize], .float32)
        let work = try communicators.with(transfer.queue) { group throws(EngineError) in
            try group.allToAll(
                output: arriving, input: leaving, outputSplits: outputSplits,
                inputSplits: inputSplits)
        }
        transfers.append(TransferList.Entry(transfer: transfer, work: work, arriving: arriving))
    }

    private func startReduction(_ transfer: Transfer, of tensor: consuming Tensor) throws {
        recorder?.sends(tensor.size)
        let work = try communicators.with(transfer.queue) { group throws(EngineError) in
            try group.allReduce(tensor)
        }
        transfers.append(TransferList.Entry(transfer: transfer, work: work, arriving: nil))
    }
}

extension Tensor {
    /// The bytes of its numbers.
    fileprivate var size: Bytes { elementCount * Bytes(type.byteCount) }
}

extension TransferList.Entry {
    /// Waits until the transfer is complete and gives what arrived.
    consuming func finish() throws(EngineError) -> Tensor? {
        let arrived = arriving.take()
        try work.wait()
        return arrived
    }
}
