package import ApusBase

/// The sections of a file that need not be a whole deployment.
package struct DeploymentParts: Hashable, Sendable {
    package var model: Model?
    package var cluster: Cluster?
    package var workload: Workload?
    package var notes: [Diagnostic] = []
}

/// The sections that describe a problem, as far as a file has them; other sections are passed over.
///
/// A Hugging Face `config.json` is a file whose whole content is a model. Throws every problem of
/// the sections at once, sorted by position.
package func readDeploymentParts(
    bytes: [UInt8], file: String, readReferencedFile: (String) throws(Problems) -> [UInt8]
) throws(Problems) -> DeploymentParts {
    let text = try fileText(bytes, file: file)
    var parser = YAMLParser(file: file)
    let root = parser.parse(text)
    guard root != nil || parser.problems.isEmpty else { throw Problems(parser.problems) }
    if let root, case .mapping(let entries) = root.content, entries.isConfig {
        let config = try readModelConfig(text: text, file: file)
        return DeploymentParts(model: config.model, notes: config.notes)
    }
    var reader = FieldReader(file: file, problems: parser.problems)
    let section = reader.root(root, fields: FileSchema.deployment, what: "the deployment")
    guard let section else { throw Problems(reader.sortedProblems()) }
    var parts = DeploymentParts()
    if section.value("model") != nil { parts.model = reader.model(section, readReferencedFile) }
    parts.cluster = reader.section("cluster", in: section, fields: FileSchema.cluster)
        .map { reader.cluster($0, readReferencedFile) }
    if section.value("workload") != nil { parts.workload = reader.workload(section) }
    var validator = Validator(positions: reader.positions, unusable: reader.unusable)
    if let model = parts.model { validator.checkModel(model, section: "model") }
    if let cluster = parts.cluster { validator.checkCluster(cluster) }
    if let workload = parts.workload { validator.checkWorkload(workload) }
    for problem in validator.problems { reader.report(problem) }
    let problems = reader.sortedProblems()
    guard !problems.contains(where: { $0.severity == .error }) else { throw Problems(problems) }
    parts.notes = problems
    return parts
}

extension [YAMLEntry] {
    /// Whether these are the keys of a `config.json` and not the sections of a deployment.
    fileprivate var isConfig: Bool {
        let sections = FileSchema.deployment.map(\.key)
        return contains { $0.key == "model_type" } && !contains { sections.contains($0.key) }
    }
}
