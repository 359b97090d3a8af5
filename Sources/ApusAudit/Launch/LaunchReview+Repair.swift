import ApusPlan

extension LaunchReview {
    /// The command with its launcher spelt right, and its counts and degrees as the plan has them.
    var repaired: String {
        let degrees = plan.degrees
        let launcher = command.launcher ?? .torchrun
        let name = command.isSpeltRight ? command.program : launcher.rawValue
        var words = [name]
        let known = launcher.flags
        for flag in command.launcherFlags where known?.contains(flag.name) ?? true {
            var flag = flag
            if flag == command.nodes?.flag, let cluster { flag.value = "\(cluster.nodeCount)" }
            if flag == command.processesPerNode?.flag, let cluster {
                flag.value = "\(cluster.gpusPerNode)"
            }
            if flag == command.processes?.flag { flag.value = "\(degrees.worldSize)" }
            words.append(flag.text)
        }
        if let script = command.script { words.append(script) }
        for flag in command.scriptFlags {
            let axis = LaunchAxis.allCases.first { command.degree($0)?.flag == flag }
            var flag = flag
            if let axis { flag.value = "\(axis.degree(of: degrees))" }
            words.append(flag.text)
        }
        return words.joined(separator: " ")
    }

    /// The same job under PyTorch's own launcher, where the command names another.
    var underTorchrun: String? {
        guard command.launcher != .torchrun, let cluster, let script = command.script else {
            return nil
        }
        let rest = repaired.split(separator: " ").map(String.init)
        guard let start = rest.firstIndex(of: script) else { return nil }
        let address = command.launcherFlags.first { $0.name == "master_addr" }?.value
        let port = command.launcherFlags.first { $0.name == "master_port" }?.value ?? "29500"
        var words = [
            "torchrun", "--nnodes=\(cluster.nodeCount)", "--nproc-per-node=\(cluster.gpusPerNode)",
        ]
        if let address {
            words += ["--rdzv-backend=c10d", "--rdzv-endpoint=\(address):\(port)"]
        }
        return (words + rest[start...]).joined(separator: " ")
    }
}
