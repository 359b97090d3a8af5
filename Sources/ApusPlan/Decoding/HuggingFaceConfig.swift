package import ApusBase

/// A model as a Hugging Face `config.json` gives it.
package struct ModelFile: Hashable, Sendable {
    package var model: Model
    /// Keys of the file that Apus does not know.
    package var notes: [Diagnostic]

    package init(model: Model, notes: [Diagnostic]) {
        self.model = model
        self.notes = notes
    }
}

/// The model of a Hugging Face `config.json`; throws every problem of the file at once.
///
/// Keys that do not change the model's arithmetic are passed over. A key that does, with a value
/// that Apus does not compute, is an error. An unknown key is a warning: such files hold many.
package func readModelConfig(text: String, file: String) throws(Problems) -> ModelFile {
    try checkFileSize(text.utf8.count, file: file)
    var (model, reader) = readConfig(text: text, file: file)
    var validator = Validator(positions: reader.positions, unusable: reader.unusable)
    validator.checkModel(model, section: "")
    for problem in validator.problems { reader.report(problem) }
    let problems = reader.sortedProblems()
    guard !problems.contains(where: { $0.severity == .error }) else { throw Problems(problems) }
    return ModelFile(model: model, notes: problems)
}

/// What a key of a `config.json` may say, for keys that the model itself does not hold.
private enum Requirement {
    /// The value does not matter here.
    case anything
    /// One of these values, or null.
    case oneOf([String])
    /// The sections of newer files that hold `rope_theta`.
    case rotary
}

/// Source: `MixtralConfig` and `PretrainedConfig` of Hugging Face transformers 4.57 and 5.0.
private let requirements: [(key: String, requirement: Requirement)] =
    [
        ("hidden_act", .oneOf(["silu", "swish"])),
        ("sliding_window", .oneOf([])),
        ("rope_scaling", .oneOf([])),
        ("rope_parameters", .rotary),
        ("partial_rotary_factor", .oneOf(["1", "1.0"])),
        ("attention_bias", .oneOf(["false"])),
        ("mlp_bias", .oneOf(["false"])),
        ("attention_dropout", .oneOf(["0", "0.0"])),
        ("router_jitter_noise", .oneOf(["0", "0.0"])),
        ("norm_topk_prob", .oneOf(["true"])),
        ("quantization_config", .oneOf([])),
        ("is_encoder_decoder", .oneOf(["false"])),
    ]
    + [
        "_name_or_path", "architectures", "attn_implementation", "auto_map", "bos_token_id",
        "chunk_size_feed_forward", "dtype", "eos_token_id", "id2label", "initializer_range",
        "label2id", "max_position_embeddings", "output_attentions", "output_hidden_states",
        "output_router_logits", "pad_token_id", "pretraining_tp", "return_dict",
        "router_aux_loss_coef", "torch_dtype", "transformers_version", "unk_token_id", "use_cache",
    ].map { ($0, .anything) }

/// The model of a `config.json` and the reader that holds what is wrong with it.
func readConfig(text: String, file: String) -> (Model, FieldReader) {
    var parser = YAMLParser(file: file)
    let root = parser.parse(text)
    var reader = FieldReader(file: file, problems: parser.problems)
    guard root != nil || parser.problems.isEmpty else {
        reader.markUnusable("")
        return (.standIn, reader)
    }
    let model = reader.config(root)
    return (model, reader)
}

extension FieldReader {
    fileprivate mutating func config(_ root: YAMLNode?) -> Model {
        guard let root, case .mapping(var entries) = root.content else {
            _ = self.root(root, fields: FileSchema.architecture, what: "the `config.json`")
            markUnusable("")
            return .standIn
        }
        let known = Set(FileSchema.architecture.map(\.key))
        let others = entries.filter { !known.contains($0.key) }
        entries.removeAll { !known.contains($0.key) || $0.value.isNull }
        let ropeTheta = others.first { $0.key == "rope_parameters" }
            .flatMap { entry("rope_theta", in: $0.value) }
        if let ropeTheta, !entries.contains(where: { $0.key == "rope_theta" }) {
            entries.append(ropeTheta)
        }
        let node = YAMLNode(content: .mapping(entries), position: root.position)
        guard
            let section = self.root(
                node, fields: FileSchema.architecture, what: "the `config.json`")
        else { return .standIn }
        let model = architecture(section)
        guard !unusable.contains("") else { return model }
        for entry in others { check(entry) }
        return model
    }

    private func entry(_ key: String, in node: YAMLNode) -> YAMLEntry? {
        guard case .mapping(let entries) = node.content else { return nil }
        return entries.first { $0.key == key }
    }

    /// Reports a key that changes the arithmetic in a way that Apus does not compute.
    private mutating func check(_ entry: YAMLEntry) {
        let location = Diagnostic.Location(
            file: file, line: entry.position.line, column: entry.position.column)
        guard let known = requirements.first(where: { $0.key == entry.key }) else {
            return report(
                Diagnostic(
                    .unknownKey, severity: .warning, location: location, path: entry.key,
                    problem: "the key `\(excerpt(entry.key))` is not known and changes nothing"))
        }
        let expected: String
        switch known.requirement {
        case .anything:
            return
        case .rotary:
            guard let type = self.entry("rope_type", in: entry.value)?.value else { return }
            if case .scalar("default", _) = type.content { return }
            expected = "`rope_type` `default`"
        case .oneOf(let values):
            if case .scalar(let text, _) = entry.value.content, values.contains(text) { return }
            if entry.value.isNull { return }
            expected = values.first.map { "`\($0)`" } ?? "null"
        }
        positions.insert(location, for: entry.key)
        reject(
            .unsupportedModel, entry.key,
            "`\(entry.key)` is \(entry.value.summary), which Apus does not support yet",
            expected: expected)
    }
}
