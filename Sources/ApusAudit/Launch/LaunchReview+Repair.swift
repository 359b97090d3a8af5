import ApusPlan

extension LaunchReview {
    /// The command with its launcher spelt right, and its counts and degrees as the plan has them.
    var repaired: String {
        let launcher = command.launcher ?? .torchrun
        let name = command.isSpeltRight ? command.program : launcher.rawValue
        var words = [name] + launcherFlags(of: launcher).map(\.text)
        if let script = command.script { words.append(script) }
        words += scriptFlags.map(\.text)
        return words.joined(separator: " ")
    }

    private func launcherFlags(of launcher: LaunchCommand.Launcher) -> [LaunchCommand.Flag] {
        let known = launcher.flags
        var flags = command.launcherFlags.filter { known?.contains($0.name) ?? true }
        func set(_ count: LaunchCommand.Count?, to value: Int, adding word: String?) {
            if let count, let index = flags.firstIndex(of: count.flag) {
                flags[index].value = "\(value)"
            } else if let word {
                flags.append(LaunchCommand.Flag(word: word, value: "\(value)"))
            }
        }
        let words = launcher.countWords
        let isWrong = started.map { $0.count != plan.degrees.worldSize } ?? false
        let countsAll = command.processes != nil
        if let cluster, cluster.worldSize == plan.degrees.worldSize {
            let adds = isWrong && !countsAll
            set(command.nodes, to: cluster.nodeCount, adding: adds ? words.nodes : nil)
            set(command.processesPerNode, to: cluster.gpusPerNode, adding: adds ? words.each : nil)
        }
        let addsAll = isWrong && words.each == nil
        set(command.processes, to: plan.degrees.worldSize, adding: addsAll ? words.all : nil)
        return flags
    }

    private var scriptFlags: [LaunchCommand.Flag] {
        var flags = command.scriptFlags
        let given = LaunchAxis.allCases.compactMap { axis in
            command.degree(axis).map { (axis: axis, flag: $0.flag) }
        }
        guard let style = given.first else { return flags }
        for axis in LaunchAxis.allCases {
            let degree = axis.degree(of: plan.degrees)
            if let flag = given.first(where: { $0.axis == axis })?.flag,
                let index = flags.firstIndex(of: flag)
            {
                flags[index].value = "\(degree)"
            } else if degree > 1, axis != .data {
                let word = axis.flag(like: style.flag, of: style.axis)
                flags.append(LaunchCommand.Flag(word: word, value: "\(degree)"))
            }
        }
        return flags
    }

    /// The same job under PyTorch's own launcher, where the command names another.
    var underTorchrun: String? {
        guard command.launcher != .torchrun, let cluster, let script = command.script else {
            return nil
        }
        func value(_ name: String) -> String? {
            command.launcherFlags.first { $0.name == name }?.value
        }
        var words = [
            "torchrun", "--nnodes=\(cluster.nodeCount)", "--nproc-per-node=\(cluster.gpusPerNode)",
        ]
        if let address = value("master_addr") {
            let port = value("master_port") ?? "29500"
            words += ["--rdzv-backend=c10d", "--rdzv-endpoint=\(address):\(port)"]
        }
        return (words + [script] + scriptFlags.map(\.text)).joined(separator: " ")
    }
}

extension LaunchCommand.Launcher {
    /// The flags for the number of nodes, of processes on each, and of all processes.
    var countWords: (nodes: String?, each: String?, all: String?) {
        switch self {
        case .deepspeed: ("--num_nodes", "--num_gpus", nil)
        case .torchrun: ("--nnodes", "--nproc-per-node", nil)
        case .srun: ("--nodes", "--ntasks-per-node", "--ntasks")
        case .mpirun: (nil, nil, "-np")
        case .accelerate: ("--num_machines", nil, "--num_processes")
        }
    }
}
