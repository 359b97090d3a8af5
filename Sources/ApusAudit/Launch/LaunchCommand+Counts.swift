import ApusPlan

/// How many processes a launch command starts, and in which degrees.
extension LaunchCommand {
    /// A count that a flag gives, with the flag.
    struct Count: Hashable {
        var flag: Flag
        var value: Int
    }

    private func count(_ names: [String], in flags: [Flag]) -> Count? {
        flags.lazy.compactMap { flag in
            guard names.contains(flag.name), let value = flag.number else { return nil }
            return Count(flag: flag, value: value)
        }.first
    }

    /// The nodes that the launcher is told of.
    var nodes: Count? {
        switch launcher {
        case .deepspeed: count(["num_nodes"], in: launcherFlags)
        case .torchrun: count(["nnodes"], in: launcherFlags)
        case .srun: count(["nodes"], in: launcherFlags) ?? shortFlag("-N")
        case .accelerate: count(["num_machines"], in: launcherFlags)
        case .mpirun, nil: nil
        }
    }

    /// The processes on each node.
    var processesPerNode: Count? {
        switch launcher {
        case .deepspeed: count(["num_gpus"], in: launcherFlags)
        case .torchrun: count(["nproc_per_node"], in: launcherFlags)
        case .srun: count(["ntasks_per_node"], in: launcherFlags)
        case .mpirun: count(["npernode", "ntasks_per_node"], in: launcherFlags)
        case .accelerate, nil: nil
        }
    }

    /// The processes over all nodes, where a flag gives them at once.
    var processes: Count? {
        switch launcher {
        case .srun: count(["ntasks"], in: launcherFlags) ?? shortFlag("-n")
        case .mpirun: count(["np"], in: launcherFlags) ?? shortFlag("-n") ?? shortFlag("-c")
        case .accelerate: count(["num_processes"], in: launcherFlags)
        case .deepspeed, .torchrun, nil: nil
        }
    }

    /// `-N` and `-n` differ only in case.
    private func shortFlag(_ word: String) -> Count? {
        launcherFlags.lazy.compactMap { flag in
            guard flag.word == word, let value = flag.number else { return nil }
            return Count(flag: flag, value: value)
        }.first
    }

    /// The degree that the script is given for an axis.
    func degree(_ axis: LaunchAxis) -> Count? { count(axis.flagNames, in: scriptFlags) }
}
