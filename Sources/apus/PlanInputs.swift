import ApusBase
import ApusPlan
import ArgumentParser

/// What is planned: a deployment file, of which flags replace sections, or flags alone.
struct PlanInputs: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A Hugging Face `config.json`, or a deployment whose model is taken.",
            valueName: "file"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "A deployment whose cluster is taken, or GPUs such as `64xh100-sxm`.",
            valueName: "cluster"))
    var cluster: String?

    @Option(
        help: ArgumentHelp(
            "A deployment, or `batch=1024,length=4096,precision=bf16`.", valueName: "workload"))
    var workload: String?

    @Option(
        help: ArgumentHelp("Only these degrees, such as `pp4,dp4,ep4`.", valueName: "degrees"))
    var layout: String?

    @Option(help: ArgumentHelp("Only this sequence length.", valueName: "tokens"))
    var length: Int?

    func validate(hasFile: Bool) throws {
        try require(length, of: "--length", in: FileSchema.sequenceLength)
        guard !hasFile else { return }
        let given = [("--model", model), ("--cluster", cluster), ("--workload", workload)]
        let missing = given.filter { $0.1 == nil }.map { "`\($0.0)`" }
        guard !missing.isEmpty else { return }
        throw ValidationError(
            missing.count == 3
                ? "give a deployment file, or `--model`, `--cluster` and `--workload`"
                : "without a deployment file \(missing.joined(separator: " and ")) must be given")
    }

    /// Reads the file and all that the flags name.
    func request(file: String?) throws -> PlanRequest {
        let read = try file.map { try loadDeployment($0, leavesOutUnsoundPlan: true) }
        var notes = read?.notes ?? []
        let newModel = try model.map { try readModel($0, notes: &notes) }
        let newCluster = try cluster.map(Cluster.init(ofFlag:))
        let newWorkload = try workload.map(readWorkload)
        guard var deployment = read?.deployment ?? bare(newModel, newWorkload) else {
            throw ValidationError("give a deployment file, or `--model` and `--workload`")
        }
        if let newModel { deployment.model = newModel }
        if let newCluster { deployment.cluster = newCluster }
        if let newWorkload { deployment.workload = newWorkload }
        if let length {
            deployment.workload.sequenceLengths = [length]
            deployment.workload.lengthWeights = nil
        }
        if !(read?.positions.contains("routing") ?? false) {
            deployment.routing = deployment.model.routing
        }
        let isChanged = model != nil || cluster != nil || workload != nil || length != nil
        let positions = isChanged ? KeyPositions() : read?.positions ?? KeyPositions()
        if isChanged { leaveOutUnsoundPlan(of: &deployment, notes: &notes) }
        try deployment.requireSound(at: positions)
        guard let cluster = deployment.cluster else { throw Problems([noCluster(file)]) }
        if deployment.workload.kind == .inference { notes.append(Self.trainingNote) }
        var request = PlanRequest(deployment: deployment, cluster: cluster, notes: notes)
        request.layout = try layout.map { try checked($0, for: deployment) }
        return request
    }

    private func bare(_ model: Model?, _ workload: Workload?) -> Deployment? {
        guard let model, let workload else { return nil }
        return Deployment(
            model: model, cluster: nil, workload: workload, plan: nil, routing: Routing(),
            claims: [],
            run: RunSettings(
                precision: workload.precision, sequenceLength: workload.sequenceLengths[0],
                sequencesPerStep: workload.sequencesPerBatch))
    }

    /// Leaves out the file's plan where it does not go with what flags replaced.
    private func leaveOutUnsoundPlan(of deployment: inout Deployment, notes: inout [Diagnostic]) {
        guard deployment.plan != nil else { return }
        let errors = deployment.problems().filter { $0.severity == .error }
        guard !errors.isEmpty else { return }
        var planless = deployment
        planless.plan = nil
        guard planless.problems().allSatisfy({ $0.severity != .error }) else { return }
        deployment = planless
        notes.append(
            Diagnostic(
                .worldSize, severity: .note, path: "plan",
                problem: "the file's own `plan` does not go with the flags and is left out",
                details: errors.map(\.problem)))
    }

    private static let trainingNote = Diagnostic(
        .unsupported, severity: .note, path: "workload.kind",
        problem: "`workload.kind` is `inference`, but plans are ranked by their training steps",
        hint: "of inference, the time to the first token stands beside each plan, and `--json` and "
            + "`apus explain` give that of each further token")

    private func noCluster(_ file: String?) -> Diagnostic {
        Diagnostic(
            .missingKey, location: file.map { Diagnostic.Location(file: $0) }, path: "cluster",
            problem: "the deployment has no `cluster` to plan for",
            expected: "a `cluster` section, or `--cluster` such as `64xh100-sxm`")
    }

    /// The degrees of `--layout`, which must go with model and cluster.
    private func checked(_ layout: String, for deployment: Deployment) throws(Problems) -> Degrees {
        let degrees = try Degrees(layout: layout)
        var planned = deployment
        planned.plan = Plan(
            degrees: degrees,
            buckets: [
                Plan.Bucket(
                    lengthMax: nil, microBatches: 1, sequencesPerDataRank: 1,
                    tensorParallel: degrees.tensor, recompute: .none)
            ])
        try planned.requireSound(at: KeyPositions())
        return degrees
    }

    // MARK: - Flags that name a file or say it themselves

    private func readModel(_ path: String, notes: inout [Diagnostic]) throws -> Model {
        let parts = try loadDeploymentParts(path)
        notes += parts.notes
        guard let model = parts.model else { throw Problems([missing("model", in: path)]) }
        return model
    }

    private func readWorkload(_ text: String) throws -> Workload {
        guard isDeployment(text) else { return try Workload(flag: text) }
        guard let workload = try loadDeploymentParts(text).workload else {
            throw Problems([missing("workload", in: text)])
        }
        return workload
    }

}

private func missing(_ section: String, in file: String) -> Diagnostic {
    Diagnostic(
        .missingKey, location: Diagnostic.Location(file: file), path: section,
        problem: "the file of `--\(section)` has no `\(section)`")
}

private func isDeployment(_ path: String) -> Bool {
    [".yaml", ".yml"].contains { path.lowercased().hasSuffix($0) }
}

extension Cluster {
    /// The cluster that `--cluster` names: that of a deployment, or GPUs such as `64xh100-sxm`.
    init(ofFlag text: String) throws {
        guard isDeployment(text) else {
            try self.init(flag: text)
            return
        }
        guard let cluster = try loadDeploymentParts(text).cluster else {
            throw Problems([missing("cluster", in: text)])
        }
        self = cluster
    }
}

extension Model {
    /// The routing that the model's own keys ask for.
    fileprivate var routing: Routing {
        guard hasExperts else { return Routing() }
        if expertGroups != nil { return Routing(gate: .groupLimited) }
        return Routing(gate: hasSelectionBias ? .sigmoidBias : .softmaxTopK)
    }
}

/// A deployment that wants a plan.
struct PlanRequest {
    var deployment: Deployment
    var cluster: Cluster
    var notes: [Diagnostic]
    /// The only degrees, where a flag settles them.
    var layout: Degrees?
}
