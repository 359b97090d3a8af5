package import ApusBase
package import ApusCost
package import ApusProgram

/// What instructions cost: the cost model, or in tests prices that make an answer known.
package protocol InstructionPrices {
    /// How long a rank computes for an instruction.
    func computation(_ instruction: Instruction, of programClass: ProgramClass) -> Seconds
    /// What an island needs beside its slots while it computes.
    func workspace(of run: Forward) -> Bytes
    /// How long a transfer is on the wire once all sides are there and nothing else is.
    func duration(of transfer: Transfer) -> Seconds
    /// The share of its link's bandwidth that a transfer uses when nothing else does.
    func bandwidthShare(of transfer: Transfer) -> Double
    /// The level of the network that a queue's transfers cross, counted from the innermost.
    func level(of queue: Queue) -> Int
    /// Prices where a rank's experts get `factor` times their even share of rows.
    func withExpertRows(_ factor: Double) -> Self
}

extension InstructionPricer: InstructionPrices {}
