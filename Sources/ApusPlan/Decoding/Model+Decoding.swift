import ApusBase

extension FieldReader {
    /// The model of a deployment: its own section, or the `config.json` that the section names.
    mutating func model(
        _ root: Section, _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Model {
        guard let node = root.value("model") else {
            rejectMissing(
                "model", in: root,
                expected: "a section with the keys of a `config.json`, or with its path, `config`")
            markUnusable("model")
            return .standIn
        }
        let family = family(node)
        let fields = FileSchema.model(family ?? .mixtral)
        // Keys of a family that is not known are neither right nor wrong.
        let section =
            family == nil
            ? modelOfUnknownType(node, fields)
            : self.section("model", in: root, fields: fields)
        guard let section, let family else {
            markUnusable("model")
            return .standIn
        }
        guard section.value("config") != nil else { return architecture(section, family) }
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
            absorb(reader, under: "model", keys: FileSchema.architecture(model.family))
            return model
        } catch {
            for problem in error.diagnostics { report(problem) }
            markUnusable("model")
            return .standIn
        }
    }

    /// Reports the `model_type` of a section whose family is not known, and nothing else of it.
    private mutating func modelOfUnknownType(_ node: YAMLNode, _ fields: [Field]) -> Section? {
        guard case .mapping(let entries) = node.content else { return nil }
        let types = YAMLNode(
            content: .mapping(entries.filter { $0.key == "model_type" }), position: node.position)
        guard let section = section(types, path: "model", fields: fields) else { return nil }
        rejectModelType(in: section)
        return nil
    }

    /// The family that a mapping names; Mixtral where it names none, `nil` where it is not known.
    func family(_ node: YAMLNode) -> Model.Family? {
        guard case .mapping(let entries) = node.content,
            let type = entries.first(where: { $0.key == "model_type" })?.value
        else { return .mixtral }
        guard case .scalar(let name, _) = type.content else { return nil }
        return Model.Family(rawValue: name)
    }

    /// Says that a section's `model_type` is no family that Apus knows.
    mutating func rejectModelType(in section: Section) {
        let path = section.path(of: "model_type")
        let name = text("model_type", in: section)
        guard !unusable.contains(path) else { return }
        let families = Model.Family.allCases.map(\.rawValue)
        reject(
            .unsupportedModel, path, "`\(path)` is `\(excerpt(name))`, which Apus does not know",
            expected: alternatives(families), hint: Suggestion(for: name, among: families).hint)
    }

    /// The model that a section with the keys of a family's `config.json` describes.
    mutating func architecture(_ section: Section, _ family: Model.Family) -> Model {
        let keys = family.keys
        let hidden = integer(keys.hidden, in: section)
        let heads = integer(keys.heads, in: section)
        var model = Model(
            layerCount: integer(keys.layers, in: section), hiddenSize: hidden, headCount: heads,
            keyValueHeadCount: keys.keyValueHeads.map {
                integer($0, in: section, default: heads)
            } ?? heads,
            headDim: headDim(section, keys, hidden: hidden, heads: heads),
            expertCount: keys.experts.map { integer($0, in: section) } ?? 0,
            topK: keys.experts.map { _ in integer(ModelKeys.topK, in: section) } ?? 0,
            expertHiddenSize: keys.experts.map { _ in
                integer(keys.expertHidden, in: section)
            } ?? 0,
            vocabularySize: integer("vocab_size", in: section),
            tiesEmbeddings: flag("tie_word_embeddings", in: section, default: family == .gpt2),
            rmsNormEpsilon: number(
                keys.normEpsilon, in: section, default: family.defaults.normEpsilon),
            ropeTheta: keys.ropeTheta.map {
                number($0, in: section, default: family.defaults.ropeTheta)
            } ?? family.defaults.ropeTheta)
        model.family = family
        readSpecial(&model, section)
        model.variations = variations(section)
        return model
    }

    private mutating func headDim(
        _ section: Section, _ keys: ModelKeys, hidden: Int, heads: Int
    ) -> Int {
        let even = max(1, hidden / heads)
        // Families without the key have other sizes in its place, or none.
        let hasKey = section.fields.contains { $0.key == "head_dim" }
        let hasOther = section.fields.contains { $0.key == "v_head_dim" }
        let isKnown = [keys.hidden, keys.heads].allSatisfy {
            !unusable.contains(section.path(of: $0))
        }
        if !hasOther, section.value("head_dim") == nil, isKnown, hidden % heads != 0 {
            reject(
                .attentionHeads, section.path(of: keys.heads),
                "`\(section.path(of: keys.heads))` (\(heads)) does not divide "
                    + "`\(section.path(of: keys.hidden))` (\(hidden))"
                    + (hasKey ? ", and there is no `head_dim`" : ""),
                hint: hasKey
                    ? "say `head_dim`; heads × head_dim need not be the hidden size" : nil)
        }
        return hasKey ? integer("head_dim", in: section, default: even) : even
    }
}

extension Model {
    /// A model that stands in for one that cannot be read.
    static let standIn = Model(
        layerCount: 1, hiddenSize: 1, headCount: 1, keyValueHeadCount: 1, headDim: 1,
        expertCount: 1, topK: 1, expertHiddenSize: 1, vocabularySize: 1, tiesEmbeddings: false)
}

/// The path of a file that another file names, relative to the folder of that one.
func sibling(_ path: String, of file: String) -> String {
    guard !path.hasPrefix("/"), let end = file.lastIndex(of: "/") else { return path }
    return String(file[...end]) + path
}
