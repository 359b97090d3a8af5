package import ApusBase

/// A deployment as a file gives it, with what the file's messages need.
package struct DeploymentFile: Hashable, Sendable {
    package var deployment: Deployment
    /// Where each key stands, for messages about the deployment later on.
    package var positions: KeyPositions
    /// Warnings and notes; a file with errors is not read at all.
    package var notes: [Diagnostic]

    package init(deployment: Deployment, positions: KeyPositions, notes: [Diagnostic]) {
        self.deployment = deployment
        self.positions = positions
        self.notes = notes
    }
}

/// The deployment of a file's bytes; throws every problem of the file at once, sorted by position.
///
/// `file` is the path as the user wrote it. `readReferencedFile` gives the bytes of a file that the
/// deployment names, which lies beside it; it is called for `model.config`, for
/// `cluster.calibration` and for `plan.schedule_file`, at most once each.
///
/// With `leavesOutUnsoundPlan` a file in which nothing but the plan is unsound is read without its
/// plan; the errors about it then stand among the notes.
package func readDeployment(
    bytes: [UInt8], file: String, leavesOutUnsoundPlan: Bool = false,
    readReferencedFile: (String) throws(Problems) -> [UInt8]
) throws(Problems) -> DeploymentFile {
    let text = try fileText(bytes, file: file)
    return try readDeployment(
        text: text, file: file, leavesOutUnsoundPlan: leavesOutUnsoundPlan,
        readReferencedFile: readReferencedFile)
}

/// The deployment of a file's text; see `readDeployment(bytes:file:readReferencedFile:)`.
package func readDeployment(
    text: String, file: String, leavesOutUnsoundPlan: Bool = false,
    readReferencedFile: (String) throws(Problems) -> [UInt8]
) throws(Problems) -> DeploymentFile {
    try checkFileSize(text.utf8.count, file: file)
    var parser = YAMLParser(file: file)
    let root = parser.parse(text)
    guard root != nil || parser.problems.isEmpty else { throw Problems(parser.problems) }
    var reader = FieldReader(file: file, problems: parser.problems)
    let section = reader.root(root, fields: FileSchema.deployment, what: "the deployment")
    guard let section else { throw Problems(reader.sortedProblems()) }
    var deployment = reader.deployment(section, readReferencedFile)
    let isReadable = !reader.problems.contains { $0.severity == .error }
    for problem in deployment.problems(at: reader.positions, ignoring: reader.unusable) {
        reader.report(problem)
    }
    let problems = reader.sortedProblems()
    let errors = problems.filter { $0.severity == .error }
    guard errors.isEmpty else {
        let isPlanAlone = errors.allSatisfy { $0.path?.hasPrefix("plan") ?? false }
        guard leavesOutUnsoundPlan, isReadable, isPlanAlone else { throw Problems(problems) }
        deployment.plan = nil
        return DeploymentFile(
            deployment: deployment, positions: reader.positions, notes: problems)
    }
    return DeploymentFile(deployment: deployment, positions: reader.positions, notes: problems)
}

extension FieldReader {
    mutating func deployment(
        _ section: Section, _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Deployment {
        _ = integer("apus", in: section, default: 1)
        let model = model(section, readReferencedFile)
        let cluster = self.section("cluster", in: section, fields: FileSchema.cluster)
            .map { self.cluster($0, readReferencedFile) }
        let workload = workload(section)
        let plan = self.section("plan", in: section, fields: FileSchema.plan)
            .map { self.plan($0, readReferencedFile) }
        let routing = self.section("routing", in: section, fields: FileSchema.routing)
            .map { self.routing($0) }
        let claims = sections("claims", in: section, fields: FileSchema.claim)
            .map { claim($0) }
        reportDuplicates(in: claims)
        return Deployment(
            model: model, cluster: cluster, workload: workload, plan: plan,
            routing: routing ?? Routing(), claims: claims,
            run: run(section, workload: workload))
    }

    mutating func workload(_ root: Section) -> Workload {
        guard let section = self.section("workload", in: root, fields: FileSchema.workload) else {
            if root.value("workload") == nil {
                rejectMissing(
                    "workload", in: root,
                    expected: "a section with `sequences_per_batch` and `sequence_lengths`")
            }
            markUnusable("workload")
            return Workload(sequencesPerBatch: 1, sequenceLengths: [1])
        }
        let lengths = integers("sequence_lengths", in: section)
        if lengths.isEmpty { markUnusable("workload.sequence_lengths") }
        let weights = numbers("length_weights", in: section)
        let standard = Workload(sequencesPerBatch: 1, sequenceLengths: [1])
        return Workload(
            kind: choice("kind", in: section, default: standard.kind),
            sequencesPerBatch: integer("sequences_per_batch", in: section),
            sequenceLengths: lengths.isEmpty ? [1] : lengths,
            lengthWeights: weights.isEmpty ? nil : weights,
            precision: choice("precision", in: section, default: standard.precision),
            optimizer: choice("optimizer", in: section, default: standard.optimizer),
            optimizerPrecision: choice(
                "optimizer_precision", in: section, default: standard.optimizerPrecision))
    }

    private mutating func routing(_ section: Section) -> Routing {
        let standard = Routing()
        return Routing(
            gate: choice("gate", in: section, default: standard.gate),
            noiseStandardDeviation: number(
                "noise_std", in: section, default: standard.noiseStandardDeviation),
            capacity: choice("capacity", in: section, default: standard.capacity),
            capacityFactor: number(
                "capacity_factor", in: section, default: standard.capacityFactor),
            overflow: overflow(section),
            balanceLoss: number("balance_loss", in: section, default: standard.balanceLoss),
            imbalance: number("imbalance", in: section, default: standard.imbalance))
    }

    /// One way or a list of ways to treat a token over capacity.
    private mutating func overflow(_ section: Section) -> [Routing.Overflow] {
        guard let node = section.value("overflow") else { return [] }
        let path = section.path(of: "overflow")
        guard case .sequence(let nodes) = node.content else {
            return choice(node, at: path).map { [$0] } ?? []
        }
        var ways: [Routing.Overflow] = []
        for (index, node) in nodes.prefix(16).enumerated() {
            guard let way: Routing.Overflow = choice(node, at: "\(path)[\(index)]") else {
                continue
            }
            guard !ways.contains(way) else {
                reject(.duplicateKey, path, "`\(path)` names `\(way.rawValue)` twice")
                continue
            }
            ways.append(way)
        }
        return ways
    }

    /// What training needs; without a `run` section the workload's values hold.
    private mutating func run(_ root: Section, workload: Workload) -> RunSettings {
        guard let section = self.section("run", in: root, fields: FileSchema.run) else {
            return RunSettings(
                precision: workload.precision, sequenceLength: workload.sequenceLengths[0],
                mix: workload.mix, sequencesPerStep: workload.sequencesPerBatch)
        }
        let mix = mix(section)
        let standard = RunSettings()
        return RunSettings(
            seed: integer("seed", in: section, default: standard.seed),
            steps: integer("steps", in: section, default: standard.steps),
            learningRate: number("learning_rate", in: section, default: standard.learningRate),
            warmupSteps: integer("warmup_steps", in: section, default: standard.warmupSteps),
            weightDecay: number("weight_decay", in: section, default: standard.weightDecay),
            gradientClip: number("gradient_clip", in: section, default: standard.gradientClip),
            precision: choice("precision", in: section, default: standard.precision),
            tokenizer: choice("tokenizer", in: section, default: standard.tokenizer),
            sequenceLength: mix?.lengths[0]
                ?? integer("sequence_length", in: section, default: standard.sequenceLength),
            mix: mix,
            sequencesPerStep: integer(
                "sequences_per_step", in: section, default: standard.sequencesPerStep),
            routing: choice("routing", in: section, default: standard.routing))
    }

    /// The lengths that a run section names, where it names several.
    private mutating func mix(_ section: Section) -> LengthMix? {
        let lengths =
            section.value("sequence_lengths") == nil
            ? [] : integers("sequence_lengths", in: section)
        let weights = numbers("length_weights", in: section)
        if !lengths.isEmpty, section.value("sequence_length") != nil {
            reject(
                .conflictingKeys, section.path(of: "sequence_length"),
                "`run.sequence_length` stands beside `run.sequence_lengths`",
                expected: "one of the two")
        }
        if !weights.isEmpty, weights.count != lengths.count {
            reject(
                .sequenceLength, section.path(of: "length_weights"),
                "`run.length_weights` has \(counted(weights.count, "entry", "entries")), "
                    + "`run.sequence_lengths` has \(lengths.count)",
                expected: "one weight for each length")
        }
        if Set(lengths).count < lengths.count {
            reject(
                .sequenceLength, section.path(of: "sequence_lengths"),
                "`run.sequence_lengths` names a length twice",
                expected: "each length once, and its share in `length_weights`")
        }
        guard !lengths.isEmpty, weights.isEmpty || weights.count == lengths.count else {
            return nil
        }
        return LengthMix(
            lengths: lengths, weights: weights.isEmpty ? lengths.map { _ in 1 } : weights)
    }
}
