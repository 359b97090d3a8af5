import ApusBase
import ApusPlan
import ApusPlanner
import ArgumentParser

/// What is to be planned: a deployment file, single sections of it, or both.
struct PlanProblem {
    var model: Model
    var cluster: Cluster
    var workload: Workload
    var routing = Routing()
    /// The deployment file's own plan, and what the file has beside the problem.
    var deployment: Deployment?
    var notes: [Diagnostic] = []

    var search: SearchProblem {
        SearchProblem(model: model, cluster: cluster, workload: workload, routing: routing)
    }

    /// The deployment that a plan for this problem makes.
    func deployment(with plan: Plan) -> Deployment {
        Deployment(
            model: model, cluster: cluster, workload: workload, plan: plan, routing: routing,
            claims: deployment?.claims ?? [],
            run: deployment?.run
                ?? RunSettings(
                    precision: workload.precision, sequenceLength: workload.sequenceLengths[0],
                    sequencesPerStep: workload.sequencesPerBatch))
    }
}

/// The flags of `apus plan` that name what is to be planned.
struct PlanSources {
    var file: String?
    var model: String?
    var cluster: String?
    var workload: String?
    var length: Int?

    func problem() throws -> PlanProblem {
        let read = try file.map { try loadDeployment($0, leavesOutUnsoundPlan: true) }
        var notes = read?.notes ?? []
        func parts(_ path: String) throws -> DeploymentParts {
            let parts = try loadDeploymentParts(path)
            notes += parts.notes
            return parts
        }
        let model = try model.map { try self.model(of: parts($0), $0) }
        let cluster = try cluster.map { try self.cluster($0, parts) }
        let workload = try workload.map { try self.workload($0, parts) }
        guard let model = model ?? read?.deployment.model else {
            throw ValidationError("give a deployment file, or `--model` with a `config.json`")
        }
        guard let cluster = cluster ?? read?.deployment.cluster else {
            throw ValidationError(
                "no cluster is known: give `--cluster`, such as `--cluster 64xh100-sxm`")
        }
        guard var workload = workload ?? read?.deployment.workload else {
            throw ValidationError(
                "no workload is known: give `--workload`, such as "
                    + "`--workload batch=1024,length=4096`")
        }
        if let length {
            workload.sequenceLengths = [length]
            workload.lengthWeights = nil
        }
        var problem = PlanProblem(
            model: model, cluster: cluster, workload: workload,
            routing: read?.deployment.routing ?? Routing(), deployment: read?.deployment,
            notes: notes)
        try check(&problem)
        return problem
    }

    /// Refuses what no plan could be found for, whatever it says.
    private func check(_ problem: inout PlanProblem) throws(Problems) {
        var deployment = problem.deployment(with: Plan(degrees: Degrees(), buckets: []))
        deployment.plan = nil
        let errors = deployment.problems().filter { $0.severity == .error }
        guard errors.isEmpty else { throw Problems(errors) }
        guard problem.workload.kind == .training else {
            throw Problems([
                Diagnostic(
                    .unsupported, path: "workload.kind",
                    problem: "`workload.kind` is `\(problem.workload.kind.rawValue)`, for which "
                        + "Apus finds no plans yet",
                    expected: "`training`",
                    hint: "plans for training come with the time to the first token too")
            ])
        }
        guard problem.cluster.gpu.peakTeraFLOPs[problem.workload.precision] == nil else { return }
        throw Problems([
            Diagnostic(
                .unsupported, path: "workload.precision",
                problem: "`\(problem.cluster.gpu.name)` has no peak rate for "
                    + "`\(problem.workload.precision.rawValue)`",
                expected: "one of "
                    + Precision.allCases.filter {
                        problem.cluster.gpu.peakTeraFLOPs[$0] != nil
                    }.map { "`\($0.rawValue)`" }.joined(separator: ", "))
        ])
    }

    // MARK: - Sections

    private func model(of parts: DeploymentParts, _ path: String) throws(Problems) -> Model {
        if let model = parts.model { return model }
        throw missing("model", in: path)
    }

    /// A count and a GPU, such as `64xh100-sxm`, or a file with a `cluster` section.
    private func cluster(
        _ text: String, _ parts: (String) throws -> DeploymentParts
    ) throws -> Cluster {
        let words = text.split(separator: "x", maxSplits: 1)
        if words.count == 2, let count = Int(words[0]), let gpu = GPU(named: String(words[1])) {
            return try cluster(count: count, gpu)
        }
        if words.count == 2, words[0].allSatisfy(\.isNumber), !words[1].contains(".") {
            let names = GPU.presets.map(\.name).joined(separator: ", ")
            throw ValidationError(
                "`--cluster \(text)` names no GPU that Apus knows: \(names)")
        }
        guard let cluster = try parts(text).cluster else { throw missing("cluster", in: text) }
        return cluster
    }

    private func cluster(count: Int, _ gpu: GPU) throws -> Cluster {
        try require(count, of: "--cluster", in: FileSchema.ranks)
        let spansNodes = GPUPreset.exactly(gpu.name)?.scaleUpSpansNodes ?? false
        let perNode = min(count, spansNodes ? 4 : 8)
        guard count.isMultiple(of: perNode) else {
            throw ValidationError(
                "`--cluster` has \(count) GPUs, which are no whole nodes of \(perNode)")
        }
        return Cluster(nodeCount: count / perNode, gpusPerNode: perNode, gpu: gpu, links: [])
    }

    /// Pairs such as `batch=1024,length=4096,precision=bf16`, or a file with a `workload` section.
    private func workload(
        _ text: String, _ parts: (String) throws -> DeploymentParts
    ) throws -> Workload {
        guard text.contains("=") else {
            guard let workload = try parts(text).workload else {
                throw missing("workload", in: text)
            }
            return workload
        }
        var workload = Workload(sequencesPerBatch: 0, sequenceLengths: [])
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard words.count == 2 else {
                throw ValidationError("`--workload` has `\(pair)`, which is no `key=value`")
            }
            try set(words[0], to: words[1], in: &workload)
        }
        guard workload.sequencesPerBatch > 0, !workload.sequenceLengths.isEmpty else {
            throw ValidationError("`--workload` needs `batch=…` and `length=…`")
        }
        return workload
    }

    private func set(_ key: String, to value: String, in workload: inout Workload) throws {
        func number(_ text: Substring, _ range: ClosedRange<Int>) throws -> Int {
            guard let number = Int(text), range.contains(number) else {
                throw ValidationError(
                    "`--workload` has `\(key)=\(value)`; a number from \(range.lowerBound) to "
                        + "\(range.upperBound) is expected")
            }
            return number
        }
        func precision() throws -> Precision {
            if let precision = Precision(rawValue: value) { return precision }
            let names = Precision.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("`--workload` has `\(key)=\(value)`; it may be \(names)")
        }
        switch key {
        case "batch": workload.sequencesPerBatch = try number(value[...], FileSchema.sequences)
        case "length":
            workload.sequenceLengths = try value.split(separator: "+").map {
                try number($0, FileSchema.sequenceLength)
            }
        case "precision": workload.precision = try precision()
        case "optimizer_precision": workload.optimizerPrecision = try precision()
        default:
            throw ValidationError(
                "`--workload` has `\(key)`; it takes batch, length, precision and "
                    + "optimizer_precision")
        }
    }

    private func missing(_ section: String, in path: String) -> Problems {
        Problems([
            Diagnostic(
                .missingKey, location: Diagnostic.Location(file: path), path: section,
                problem: "the file has no `\(section)` section",
                hint: "`--\(section)` needs one")
        ])
    }
}
