/// An accelerator that a file may name without figures, and what joins such accelerators.
package struct GPUPreset: Hashable, Sendable {
    package var gpu: GPU
    /// The fastest network that joins several GPUs, NVLink where there is any, per GPU and
    /// direction.
    package var scaleUpGBPerSecond: Double
    /// How many GPUs that network joins at most.
    package var scaleUpGPUCount: Int
    /// Whether that network joins the nodes of a rack, and not only the GPUs of one node.
    package var scaleUpSpansNodes = false
    /// The network between nodes, per GPU and direction, as such machines usually have it.
    package var networkGBPerSecond: Double
    /// The greatest rate that a matrix product of any shape was measured at, by number type.
    package var matmulTeraFLOPsMax: [Precision: Double] = [:]

    package var name: String { gpu.name }

    /// The preset of exactly this name.
    package static func exactly(_ name: String) -> GPUPreset? { all.first { $0.name == name } }

    /// The preset that a name means as people and measurements write it.
    ///
    /// Case, punctuation, the vendor, remarks in brackets and a memory size or form that the name
    /// would have anyway are passed over: `H100`, `A100-80GB-SXM`, `GB200 (per GPU)`, `h200_sxm`.
    /// `A100` alone means the one with 80 GB.
    package init?(named name: String) {
        let words = Self.words(of: name)
        let preset = Self.all.first { preset in
            let own = Self.words(of: preset.name)
            // The model comes first; the rest may be left out, but none of it contradicted.
            guard let model = own.first, words.first == model else { return false }
            let implied = [
                "\(Int(preset.gpu.memoryGB))gb", "nvl\(preset.scaleUpGPUCount)", "sxm", "sxm4",
                "sxm5",
            ]
            return words.dropFirst().allSatisfy { own.contains($0) || implied.contains($0) }
        }
        guard let preset else { return nil }
        self = preset
    }

    init(
        _ gpu: GPU, scaleUp: Double, among count: Int, spansNodes: Bool = false, network: Double,
        matmulMax: [Precision: Double] = [:]
    ) {
        self.gpu = gpu
        scaleUpGBPerSecond = scaleUp
        scaleUpGPUCount = count
        scaleUpSpansNodes = spansNodes
        networkGBPerSecond = network
        matmulTeraFLOPsMax = matmulMax
    }

    /// The words of a name in lower case, without the vendor and without remarks in brackets.
    private static func words(of name: String) -> [String] {
        let text = name.prefix { $0 != "(" }.lowercased()
        return text.split { !$0.isLetter && !$0.isNumber }.map(String.init)
            .filter { !["nvidia", "amd", "instinct", "geforce"].contains($0) }
    }
}

extension GPU {
    /// The accelerators that a file may name without figures.
    package static let presets: [GPU] = GPUPreset.all.map(\.gpu)

    package static func preset(_ name: String) -> GPU? { GPUPreset.exactly(name)?.gpu }

    /// The preset that a name means as people and measurements write it; see `GPUPreset`.
    package init?(named name: String) {
        guard let preset = GPUPreset(named: name) else { return nil }
        self = preset.gpu
    }
}
