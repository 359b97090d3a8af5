/// What Slurm tells the tasks of a job step.
enum SlurmStep {
    /// Whether this process is one task of several that `srun` started.
    ///
    /// The shell of `salloc`, the script of `sbatch` and the interactive step have the variables of
    /// the allocation, but nobody started their siblings. A step with a single task, such as
    /// `srun --pty bash`, counts as alone too: it can start its ranks itself.
    ///
    /// Source: Slurm, `slurm/slurm.h`: step numbers from `0xfffffff0` are the batch, extern and
    /// interactive steps.
    static func isJoined(_ environment: [String: String]) -> Bool {
        guard environment["SLURM_PROCID"]?.isEmpty == false,
            let step = environment["SLURM_STEP_ID"], !step.isEmpty
        else { return false }
        if let number = UInt64(step), number >= 0xFFFF_FFF0 { return false }
        let count = environment["SLURM_STEP_NUM_TASKS"] ?? environment["SLURM_NTASKS"]
        return count != "1"
    }

    /// The hosts of the step, or of the job, in their order.
    static func hosts(_ reader: inout EnvironmentReader) -> [String]? {
        let name = reader.has("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST"
        guard let list = reader.value(name), let hosts = expandHostList(list) else {
            // With an address for rank 0 the list is not needed.
            if reader.has("MASTER_ADDR"), !reader.has(name) { return nil }
            reader.report(name, expected: "a list of hosts such as `node[01-04,7]`")
            return nil
        }
        return hosts
    }

    /// The count of tasks on this host, if Slurm tells it.
    static func localWorldSize(
        _ reader: inout EnvironmentReader, worldSize: Int?, hosts: [String]?
    ) -> Int? {
        if hosts?.count == 1 { return worldSize }
        let names = ["SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"]
        if let name = names.first(where: { reader.has($0) }), let text = reader.value(name) {
            guard let counts = expandCounts(text) else {
                reader.report(name, expected: "tasks of each host such as `4(x2),3`")
                return nil
            }
            guard let node = reader.value("SLURM_NODEID").flatMap({ Int($0) }),
                counts.indices.contains(node)
            else { return counts.count == 1 ? counts[0] : nil }
            return counts[node]
        }
        return reader.has("SLURM_NTASKS_PER_NODE")
            ? reader.worldSize("SLURM_NTASKS_PER_NODE") : nil
    }

    /// Expands counts such as `4(x2),3` to `[4, 4, 3]`.
    static func expandCounts(_ text: String) -> [Int]? {
        var counts: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(
                separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = pieces.first, let count = Int(first),
                (1...hostCountMax).contains(count)
            else { return nil }
            var times = 1
            if pieces.count == 2 {
                guard pieces[1].hasPrefix("x"), pieces[1].hasSuffix(")"),
                    let number = Int(pieces[1].dropFirst().dropLast())
                else { return nil }
                times = number
            }
            guard times > 0, counts.count + times <= hostCountMax else { return nil }
            counts += Array(repeating: count, count: times)
        }
        return counts
    }
}

private let hostCountMax = 65_536

/// Expands a list of hosts such as `gpu[01-04,7],login` to its names; nothing if it is malformed or
/// longer than any cluster.
///
/// Several brackets in one name vary independently, the last one fastest.
/// Source: Slurm, scontrol(1), `show hostnames`.
func expandHostList(_ list: String) -> [String]? {
    var hosts: [String] = []
    for entry in splitOutsideBrackets(list) {
        var names = [""]
        var rest = entry
        while let open = rest.firstIndex(of: "[") {
            guard let close = rest[open...].firstIndex(of: "]"),
                let numbers = expandNumbers(rest[rest.index(after: open)..<close]),
                names.count * numbers.count <= hostCountMax
            else { return nil }
            let stem = rest[..<open]
            names = names.flatMap { name in numbers.map { name + stem + $0 } }
            rest = rest[rest.index(after: close)...]
        }
        hosts += names.map { $0 + rest }
        guard hosts.count <= hostCountMax else { return nil }
    }
    return hosts.allSatisfy { isHostName($0) } && !hosts.isEmpty ? hosts : nil
}

/// Splits at commas that are not between brackets.
private func splitOutsideBrackets(_ list: String) -> [Substring] {
    var depth = 0
    return list.split(omittingEmptySubsequences: false) { character in
        switch character {
        case "[": depth += 1
        case "]": depth -= 1
        default: break
        }
        return character == "," && depth == 0
    }
}

/// Expands `01-04,7` to its numbers, which keep the width of the first of a range.
private func expandNumbers(_ text: Substring) -> [String]? {
    var numbers: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, let low = ends.first, let high = ends.last,
            ends.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let first = Int(low), let last = Int(high), first <= last,
            last - first < hostCountMax, numbers.count + last - first < hostCountMax
        else { return nil }
        for number in first...last {
            let digits = "\(number)"
            let padding = String(repeating: "0", count: max(0, low.count - digits.count))
            numbers.append(padding + digits)
        }
    }
    return numbers
}
