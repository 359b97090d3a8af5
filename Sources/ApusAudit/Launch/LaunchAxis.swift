import ApusPlan

/// An axis of parallelism as launch flags name it.
enum LaunchAxis: String, Hashable, CaseIterable {
    case pipeline, data, context, tensor, expert
    case expertTensor = "expert_tensor"

    private var abbreviation: String {
        switch self {
        case .pipeline: "pp"
        case .data: "dp"
        case .context: "cp"
        case .tensor: "tp"
        case .expert: "ep"
        case .expertTensor: "etp"
        }
    }

    /// The names by which Megatron-LM, DeepSpeed, torchtitan and hand-written scripts call it, in
    /// the same order for every axis.
    var flagNames: [String] {
        let names = [
            abbreviation, "\(abbreviation)_size", "\(abbreviation)_degree", "\(rawValue)_parallel",
            "\(rawValue)_parallel_size", "\(rawValue)_model_parallel_size",
            "\(rawValue)_parallel_degree",
        ]
        switch self {
        case .pipeline: return names + ["pipe_parallel_size"]
        case .tensor: return names + ["model_parallel_size"]
        case .expert: return names + ["moe_expert_parallel_size"]
        case .data, .context, .expertTensor: return names
        }
    }

    func degree(of degrees: Degrees) -> Int {
        switch self {
        case .pipeline: degrees.pipeline
        case .data: degrees.data
        case .context: degrees.context
        case .tensor: degrees.tensor
        case .expert: degrees.expert
        case .expertTensor: degrees.expertTensor
        }
    }

    /// The key of the axis in a deployment file.
    var key: String { "\(rawValue)_parallel" }

    /// The flag of this axis in the style of another axis's flag.
    func flag(like other: LaunchCommand.Flag, of axis: LaunchAxis) -> String {
        let index = axis.flagNames.firstIndex(of: other.name) ?? 0
        let name = index < flagNames.count ? flagNames[index] : flagNames[0]
        let usesDashes = other.word.drop { $0 == "-" }.contains("-")
        let path = other.word.prefix { $0 == "-" }
        let section = other.word.lastIndex(of: ".").map { other.word[...$0] } ?? path
        return section + (usesDashes ? name.replacing("_", with: "-") : name)
    }
}
