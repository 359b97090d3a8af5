import ApusBase

/// The architectures of a `config.json` that Apus knows by name.
enum ModelType: String, CaseIterable {
    case mixtral
    case qwen2MoE = "qwen2_moe"
    case qwen3MoE = "qwen3_moe"
    case olmoe
    case deepSeekV2 = "deepseek_v2"
    case deepSeekV3 = "deepseek_v3"
    case gptOSS = "gpt_oss"
    case llama
    case gpt2

    /// Those that Apus can plan and train.
    static let supported: [ModelType] = [.mixtral]
}

extension FieldReader {
    /// The model of a deployment: its own section, or the `config.json` that the section names.
    mutating func model(
        _ root: Section, _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Model {
        guard let section = self.section("model", in: root, fields: FileSchema.model) else {
            if root.value("model") == nil {
                rejectMissing(
                    "model", in: root,
                    expected:
                        "a section with the keys of a `config.json`, or with its path, `config`"
                )
            }
            markUnusable("model")
            return .standIn
        }
        guard section.value("config") != nil else { return architecture(section) }
        for entry in section.entries where entry.key != "config" {
            guard section.fields.contains(where: { $0.key == entry.key }) else { continue }
            reject(
                .conflictingKeys, section.path(of: entry.key),
                "`model.\(entry.key)` and `model.config` are both given",
                expected: "`config` alone, or the keys without it")
        }
        let path = text("config", in: section)
        guard !unusable.contains("model.config") else {
            markUnusable("model")
            return .standIn
        }
        return model(configPath: path, readReferencedFile)
    }

    private mutating func model(
        configPath: String, _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Model {
        let path = sibling(configPath, of: file)
        do {
            let text = try fileText(readReferencedFile(path), file: path)
            let (model, reader) = readConfig(text: text, file: path)
            absorb(reader, under: "model", keys: FileSchema.architecture)
            return model
        } catch {
            for problem in error.diagnostics { report(problem) }
            markUnusable("model")
            return .standIn
        }
    }

    /// The model that a section with the keys of a `config.json` describes.
    mutating func architecture(_ section: Section) -> Model {
        guard isSupportedModel(section) else {
            markUnusable(section.path)
            return .standIn
        }
        let standard = Model.standIn
        let hidden = integer("hidden_size", in: section)
        let heads = integer("num_attention_heads", in: section)
        return Model(
            layerCount: integer("num_hidden_layers", in: section), hiddenSize: hidden,
            headCount: heads,
            keyValueHeadCount: integer("num_key_value_heads", in: section, default: heads),
            headDim: headDim(section, hidden: hidden, heads: heads),
            expertCount: integer("num_local_experts", in: section),
            topK: integer("num_experts_per_tok", in: section),
            expertHiddenSize: integer("intermediate_size", in: section),
            vocabularySize: integer("vocab_size", in: section),
            tiesEmbeddings: flag(
                "tie_word_embeddings", in: section, default: standard.tiesEmbeddings),
            rmsNormEpsilon: number(
                "rms_norm_eps", in: section, default: standard.rmsNormEpsilon),
            ropeTheta: number("rope_theta", in: section, default: standard.ropeTheta))
    }

    private mutating func headDim(_ section: Section, hidden: Int, heads: Int) -> Int {
        let isKnown = ["hidden_size", "num_attention_heads"].allSatisfy {
            !unusable.contains(section.path(of: $0))
        }
        if section.value("head_dim") == nil, isKnown, hidden % heads != 0 {
            reject(
                .attentionHeads, section.path(of: "num_attention_heads"),
                "`\(section.path(of: "num_attention_heads"))` (\(heads)) does not divide "
                    + "`\(section.path(of: "hidden_size"))` (\(hidden)), "
                    + "and there is no `head_dim`",
                hint: "say `head_dim`; heads × head_dim need not be the hidden size")
        }
        return integer("head_dim", in: section, default: max(1, hidden / heads))
    }

    /// Whether the model is of a type that Apus supports; `mixtral` where the file names none.
    private mutating func isSupportedModel(_ section: Section) -> Bool {
        let path = section.path(of: "model_type")
        let name = text("model_type", in: section, default: ModelType.mixtral.rawValue)
        let supported = ModelType.supported.map(\.rawValue)
        guard let type = ModelType(rawValue: name) else {
            let suggestion = Suggestion(for: name, among: ModelType.allCases.map(\.rawValue))
            reject(
                .unknownValue, path, "`\(path)` is `\(excerpt(name))`",
                expected: alternatives(supported), hint: suggestion.hint)
            return false
        }
        guard !ModelType.supported.contains(type) else { return true }
        reject(
            .unsupportedModel, path,
            "`\(path)` is `\(name)`, which Apus does not support yet",
            expected: alternatives(supported))
        return false
    }
}

extension Model {
    /// A model that stands in for one that cannot be read, and the source of the defaults.
    static let standIn = Model(
        layerCount: 1, hiddenSize: 1, headCount: 1, keyValueHeadCount: 1, headDim: 1,
        expertCount: 1, topK: 1, expertHiddenSize: 1, vocabularySize: 1, tiesEmbeddings: false)
}

/// The path of a file that another file names, relative to the folder of that one.
func sibling(_ path: String, of file: String) -> String {
    guard !path.hasPrefix("/"), let end = file.lastIndex(of: "/") else { return path }
    return String(file[...end]) + path
}
