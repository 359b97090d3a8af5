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
/// Keys that change what is counted are read, keys that change only the arithmetic are kept, and
/// others are passed over. An unknown key is a warning: such files hold many.
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

/// Keys of a `config.json` that change neither how a model computes nor what it costs.
///
/// `num_nextn_predict_layers` stands here because the layers that predict a second token ahead are
/// not part of the model that is counted. Source: the configuration classes of Hugging Face
/// transformers 4.57 and 5, and the files of the families' own models.
private let passedOver: Set<String> = [
    "_attn_implementation", "_name_or_path", "architectures", "attn_implementation", "auto_map",
    "aux_loss_alpha", "bos_token_id", "chunk_size_feed_forward", "dtype", "eos_token_id",
    "ep_size", "experts_per_token", "gradient_checkpointing", "head_dim", "id2label",
    "initial_context_length", "initializer_range", "label2id",
    "layer_types", "max_position_embeddings", "max_window_layers", "n_ctx",
    "num_key_value_heads", "num_mtp_layers", "num_nextn_predict_layers", "output_attentions",
    "output_hidden_states", "output_router_logits", "pad_token_id", "pretraining_tp",
    "qk_head_dim", "reorder_and_upcast_attn", "return_dict", "rope_interleave", "rope_theta",
    "router_aux_loss_coef", "seq_aux", "sep_token_id", "summary_activation",
    "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    "task_specific_params", "torch_dtype", "transformers_version", "unk_token_id", "use_cache",
    "use_sliding_window",
]

/// Keys that, where they are true, mean parts that Apus does not count.
private let refusedFlags: Set<String> = ["add_cross_attention", "is_encoder_decoder"]

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
        guard let root, case .mapping(let entries) = root.content else {
            _ = self.root(
                root, fields: FileSchema.architecture(.mixtral), what: "the `config.json`")
            markUnusable("")
            return .standIn
        }
        guard let family = family(root) else {
            let types = entries.filter { $0.key == "model_type" }
            if let section = section(of: types, at: root, .mixtral) { rejectModelType(in: section) }
            markUnusable("")
            return .standIn
        }
        let known = Set(FileSchema.architecture(family).map(\.key))
        let named = renamed(entries, family)
        let used = named.filter { entry in
            // A query that is not compressed is the one thing that `null` says.
            known.contains(entry.key) && (!entry.value.isNull || entry.key == "q_lora_rank")
        }
        guard let section = section(of: used, at: root, family) else { return .standIn }
        let model = architecture(section, family)
        for entry in named where !known.contains(entry.key) {
            if family.keys.aliases[entry.key] == nil { check(entry) }
        }
        return model
    }

    /// A section of the entries that a family knows.
    private mutating func section(
        of entries: [YAMLEntry], at root: YAMLNode, _ family: Model.Family
    ) -> Section? {
        self.root(
            YAMLNode(content: .mapping(entries), position: root.position),
            fields: FileSchema.architecture(family), what: "the `config.json`")
    }

    /// The entries with the names that the family's own files use, and the base of rotary attention
    /// where newer files do not have it in a section of its own.
    private func renamed(_ entries: [YAMLEntry], _ family: Model.Family) -> [YAMLEntry] {
        let keys = family.keys
        let given = Set(entries.map(\.key))
        var result = entries.map { entry in
            var entry = entry
            if let own = keys.aliases[entry.key], !given.contains(own) { entry.key = own }
            return entry
        }
        if let ropeTheta = keys.ropeTheta, !given.contains(ropeTheta),
            let rotary = entries.first(where: { $0.key == "rope_parameters" }),
            case .mapping(let parameters) = rotary.value.content,
            let entry = parameters.first(where: { $0.key == ropeTheta })
        {
            result.append(entry)
        }
        return result
    }

    /// Reports a key that Apus does not know, or that means parts which Apus does not count.
    private mutating func check(_ entry: YAMLEntry) {
        let location = Diagnostic.Location(
            file: file, line: entry.position.line, column: entry.position.column)
        guard refusedFlags.contains(entry.key) else {
            if passedOver.contains(entry.key) { return }
            return report(
                Diagnostic(
                    .unknownKey, severity: .warning, location: location, path: entry.key,
                    problem: "the key `\(excerpt(entry.key))` is not known and changes nothing"))
        }
        guard truth(entry.value) != false, !entry.value.isNull else { return }
        positions.insert(location, for: entry.key)
        reject(
            .unsupportedModel, entry.key,
            "`\(entry.key)` is \(entry.value.summary), which Apus does not support yet",
            expected: "`false`")
    }
}
