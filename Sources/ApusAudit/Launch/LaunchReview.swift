import ApusBase
import ApusPlan

/// A launch command held against the plan and the cluster that it is to start.
struct LaunchReview {
    /// One thing that is wrong, in a sentence with its numbers.
    struct Problem: Hashable {
        var severity = Diagnostic.Severity.error
        var sentence: String
        var details: [String] = []
        var expected: String?
        var hint: String?
    }

    let command: LaunchCommand
    let plan: Plan
    let cluster: Cluster?
    private(set) var problems: [Problem] = []

    init(_ text: String, plan: Plan, cluster: Cluster?) {
        command = LaunchCommand(text)
        self.plan = plan
        self.cluster = cluster
        reviewLauncher()
        reviewFlags()
        reviewProcesses()
        reviewDegrees()
        reviewFolding()
    }

    /// Whether the launcher would start what the plan says.
    var isRight: Bool { problems.allSatisfy { $0.severity != .error } }

    private mutating func reviewLauncher() {
        guard !command.isSpeltRight else { return }
        let names = LaunchCommand.Launcher.allCases.map(\.rawValue)
        let suggestion = Suggestion(for: command.program, among: names)
        problems.append(
            Problem(
                sentence: "`\(excerpt(command.program))` is no launcher",
                expected: suggestion.expected, hint: suggestion.hint))
    }

    private mutating func reviewFlags() {
        guard let launcher = command.launcher, let known = launcher.flags else { return }
        for flag in command.launcherFlags where !known.contains(flag.name) {
            problems.append(
                Problem(
                    sentence: "`\(excerpt(flag.word))` is no flag of `\(launcher.rawValue)`",
                    hint: Suggestion(for: flag.name, among: known.sorted()).hint))
        }
        if command.script == nil {
            problems.append(Problem(sentence: "the command names no script to start"))
        }
        let hasHosts = command.launcherFlags.contains {
            ["hostfile", "no_ssh", "include"].contains($0.name)
        }
        guard launcher == .deepspeed, let nodes = command.nodes, nodes.value > 1, !hasHosts else {
            return
        }
        problems.append(
            Problem(
                severity: .warning,
                sentence: "no `--hostfile`: `deepspeed` reads `/job/hostfile`, and without one it "
                    + "refuses `\(nodes.flag.text)`"))
    }

    /// The processes that the flags start, and how they come about; `nil` where they do not say.
    var started: (count: Int, formula: String)? {
        if let all = command.processes { return (all.value, "`\(all.flag.text)`") }
        guard let each = command.processesPerNode else { return nil }
        let nodes = command.nodes
        let count = boundedProduct([each.value, nodes?.value ?? 1])
        let nodeText = nodes.map { "`\($0.flag.text)`" } ?? "one node"
        return (count, "`\(each.flag.text)` on each of \(nodeText) = \(grouped(count)) processes")
    }

    private mutating func reviewProcesses() {
        guard let started else { return }
        let ranks = plan.degrees.worldSize
        if let cluster, let nodes = command.nodes, nodes.value != cluster.nodeCount {
            problems.append(
                Problem(
                    sentence: "`\(nodes.flag.text)`, the cluster has \(cluster.nodeCount) nodes",
                    expected: "\(cluster.nodeCount)"))
        }
        guard started.count != ranks else { return }
        var problem = Problem(
            sentence: "the command starts \(grouped(started.count)) processes, the plan has "
                + "\(grouped(ranks)) ranks",
            details: [started.formula])
        if let cluster, let each = command.processesPerNode {
            problem.expected = "`\(each.flag.word)=\(cluster.gpusPerNode)`"
            if each.value == ranks {
                problem.hint =
                    "`\(each.flag.word)` counts the GPUs of one node, of which a node has "
                    + "\(cluster.gpusPerNode)"
            }
        }
        problems.append(problem)
    }

    private mutating func reviewDegrees() {
        let given = LaunchAxis.allCases.filter { command.degree($0) != nil }
        guard !given.isEmpty else { return }
        for axis in LaunchAxis.allCases {
            let planned = axis.degree(of: plan.degrees)
            if let degree = command.degree(axis) {
                guard degree.value != planned else { continue }
                problems.append(
                    Problem(
                        sentence: "`\(degree.flag.text)`, `plan.\(axis.key)` is \(planned)",
                        expected: "`\(degree.flag.word)=\(planned)`"))
            } else if planned > 1, axis != .data {
                // Launchers derive the data degree from the number of processes.
                problems.append(
                    Problem(
                        sentence: "no flag gives the \(axis.rawValue) degree, `plan.\(axis.key)` "
                            + "is \(planned)"))
            }
        }
    }

    /// The degrees of the command against each other.
    private mutating func reviewFolding() {
        guard let expert = command.degree(.expert)?.value, let stage = stageSize else { return }
        guard expert > 0, stage % expert != 0 else { return }
        let pipeline = command.degree(.pipeline)?.value ?? 1
        problems.append(
            Problem(
                sentence: "expert degree \(expert) does not fit the \(grouped(stage)) ranks of a "
                    + "stage that the command gives",
                details: [
                    "unfolded, pipeline \(pipeline) × data × tensor \(stage) × expert \(expert) = "
                        + "\(grouped(boundedProduct([pipeline, stage, expert]))) ranks"
                ]))
    }

    /// The ranks of a stage by the command's own degrees.
    private var stageSize: Int? {
        guard let data = command.degree(.data)?.value else { return nil }
        let others = [LaunchAxis.context, .tensor].map { command.degree($0)?.value ?? 1 }
        let product = boundedProduct([data] + others)
        return product > 0 ? product : nil
    }
}
