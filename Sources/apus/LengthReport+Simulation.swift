import ApusBase
import ApusCost
import ApusPlan
import ApusReport
import ApusSimulator

extension LengthReport {
    /// The section of a simulated length, which has to hold a trace.
    init(_ simulated: SimulatedLength) throws(Problems) {
        let memory = Int(simulated.step.cluster.gpu.memoryGB * 1e9)
        try self.init(
            program: simulated.program, predicted: simulated.result.trace, measured: nil,
            memoryLimit: memory)
        predicted?.tokensPerSecond = simulated.tokensPerSecond
        predicted?.bytesSent = simulated.result.sent.map {
            .init(kind: $0.kind, bytes: $0.size.count)
        }
    }
}
