import ApusBase
import ApusPlan
import ApusProgram

/// What all ranks of a job need together when one host runs them.
struct HostMemoryNeed {
    let ranks: Int
    /// Weights, gradients and optimizer states.
    let persistent: Bytes
    let activations: Bytes

    init(_ program: Program, model: Model) {
        let stageSize = program.mesh.degrees.stageSize
        ranks = program.mesh.worldSize
        persistent = program.classes.reduce(.zero) {
            $0 + stageSize * program.persistentSize(of: $1, in: model)
        }
        activations = program.classes.reduce(.zero) { $0 + stageSize * $1.memoryPeak.size }
    }

    /// What a rank's process takes beside its tensors: 155 MB that it does not share with others.
    ///
    /// Measured on Debian 12 with PyTorch 2.13.0+cpu, from `/proc/PID/smaps_rollup`.
    var processes: Bytes { ranks * Bytes(155_000_000) }
    var total: Bytes { persistent + activations + processes }

    /// What is wrong with a host that has this much memory, and this much of it free now.
    func problems(total memory: Bytes, available: Bytes) -> [Diagnostic] {
        guard total > available else { return [] }
        let isTooMuch = total > memory
        let has = isTooMuch ? "it has \(memory)" : "\(available) of its \(memory) are free"
        return [
            Diagnostic(
                .memory, severity: isTooMuch ? .error : .warning,
                problem: "\(ranks) ranks on this host need about \(total), \(has)",
                details: [
                    "weights, gradients and Adam \(persistent), activations \(activations), "
                        + "processes \(processes)"
                ],
                hint:
                    "a shorter sequence, `recompute: full`, a smaller model, or more hosts")
        ]
    }
}
