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

/// An axis of parallelism as launch flags name it.
enum LaunchAxis: String, Hashable, CaseIterable {
    case pipeline, data, context, tensor, expert
    case expertTensor = "expert_tensor"

    /// The names by which Megatron-LM, DeepSpeed, torchtitan and hand-written scripts call it.
    var flagNames: [String] {
        switch self {
        case .pipeline:
            [
                "pp", "pp_size", "pp_degree", "pipeline_parallel", "pipeline_parallel_size",
                "pipeline_model_parallel_size", "pipeline_parallel_degree", "pipe_parallel_size",
            ]
        case .data:
            [
                "dp", "dp_size", "dp_degree", "data_parallel", "data_parallel_size",
                "data_parallel_degree",
            ]
        case .context:
            [
                "cp", "cp_size", "cp_degree", "context_parallel", "context_parallel_size",
                "context_parallel_degree",
            ]
        case .tensor:
            [
                "tp", "tp_size", "tp_degree", "tensor_parallel", "tensor_parallel_size",
                "tensor_model_parallel_size", "tensor_parallel_degree", "model_parallel_size",
            ]
        case .expert:
            [
                "ep", "ep_size", "ep_degree", "expert_parallel", "expert_parallel_size",
                "expert_model_parallel_size", "expert_parallel_degree", "moe_expert_parallel_size",
            ]
        case .expertTensor:
            [
                "etp", "etp_size", "etp_degree", "expert_tensor_parallel",
                "expert_tensor_parallel_size", "expert_tensor_parallel_degree",
            ]
        }
    }

    func degree(of degrees: Degrees) -> Int {
        switch self {
        case .pipeline: degrees.pipeline
        case .data: degrees.data
        case .context: degrees.context
        case .tensor: degrees.tensor
        case .expert: degrees.expert
        case .expertTensor: degrees.expertTensor
        }
    }

    /// The key of the axis in a deployment file.
    var key: String { "\(rawValue)_parallel" }
}
