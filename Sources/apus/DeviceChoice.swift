import ApusBase
import ApusEngine
import ArgumentParser

/// What the ranks of a host compute on.
enum DeviceChoice: String, ExpressibleByArgument, CaseIterable {
    /// GPUs where each rank of the host gets one of its own, else the CPU.
    case auto
    case cpu, cuda

    /// The device of one rank, where `problems` finds nothing: the CPU, or the GPU with the rank's
    /// index among those of its host.
    func device(localRank: Int, localRanks: Int, gpus: Int) -> Device {
        switch self {
        case .cpu: .cpu
        case .auto: localRanks <= gpus ? .cuda(localRank) : .cpu
        case .cuda: .cuda(localRank)
        }
    }

    /// What keeps a host with `gpus` GPUs from giving each of its ranks one.
    ///
    /// NCCL refuses two ranks on one GPU.
    func problems(localRanks: Int, gpus: Int) -> [Diagnostic] {
        guard self == .cuda, localRanks > gpus else { return [] }
        return [
            Diagnostic(
                .device,
                problem: "`--device cuda` needs a GPU for each rank of this host: it has "
                    + "\(localRanks) ranks, and the engine sees \(gpus) GPUs",
                expected: "no more ranks on a host than GPUs, or `--device cpu`",
                hint: "`apus doctor` says what the engine was built on")
        ]
    }
}
