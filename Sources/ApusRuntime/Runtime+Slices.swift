import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram

/// Sequence parallelism: a rank's own tokens, and the bridges between its tokens and its heads.
///
/// Both bridges are an all-to-all with equal parts, so that the order in which shares are added is
/// that of the ranks, on every rank and with every transport.
extension Runtime {
    private var sliceRanks: Int { setting.program.shape.tensorParallel }

    /// This rank's share of a micro-batch's tokens: the ranks of a slice group split them evenly.
    func ownTokens(of tokens: [Int64]) -> [Int64] {
        let count = tokens.count / sliceRanks
        let first = setting.program.mesh.tensorIndex(of: setting.rank) * count
        return Array(tokens[first..<(first + count)])
    }

    /// Starts an all-gather: a rank's tokens go to every rank of its group.
    func startGather(_ transfer: Transfer) throws {
        guard let source = transfer.source else {
            preconditionFailure("a gather moves the tokens of a slot")
        }
        let own = try slots.tensor(source)
        let (tokens, width) = (own.shape[0], own.shape[1])
        let leaving = try engine.empty([sliceRanks * tokens, width], .float32)
        for rank in 0..<sliceRanks {
            try leaving.narrow(dimension: 0, start: rank * tokens, count: tokens).copy(from: own)
        }
        try exchangeEvenly(leaving, transfer)
    }

    /// Starts a reduce-scatter: each rank gets the group's shares of its own tokens.
    func startScatter(_ transfer: Transfer) throws {
        guard let source = transfer.source else {
            preconditionFailure("a scatter moves the tokens of a slot")
        }
        try exchangeEvenly(try slots.tensor(source).contiguous(), transfer)
    }

    /// Adds up what a reduce-scatter brought, `[tp × tokens, hidden]` to `[tokens, hidden]`, in the
    /// order of the ranks.
    func sumOfShares(_ arrived: borrowing Tensor) throws(EngineError) -> Tensor {
        let tokens = arrived.shape[0] / sliceRanks
        let sum = try arrived.narrow(dimension: 0, start: 0, count: tokens).clone()
        for rank in 1..<sliceRanks {
            try sum.accumulate(
                try arrived.narrow(dimension: 0, start: rank * tokens, count: tokens))
        }
        return sum
    }

    private func exchangeEvenly(_ leaving: borrowing Tensor, _ transfer: Transfer) throws {
        let rows = leaving.shape[0]
        recorder?.sends(rows * Bytes(leaving.shape[1] * leaving.type.byteCount))
        let arriving = try engine.empty(leaving.shape, .float32)
        let even = [Int](repeating: rows / sliceRanks, count: sliceRanks)
        let work = try communicators.with(transfer.queue) { group throws(EngineError) in
            try group.allToAll(
                output: arriving, input: leaving, outputSplits: even, inputSplits: even)
        }
        transfers.append(TransferList.Entry(transfer: transfer, work: work, arriving: arriving))
    }
}
