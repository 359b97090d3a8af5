import ApusCost

/// What a performance recipe of Megatron-Bridge sets that its published pages leave out.
///
/// Source: NVIDIA-NeMo/Megatron-Bridge, `scripts/performance/configs` at the tags v0.2.0 to v0.5.1,
/// which the containers 25.11 to 26.06.01 hold; of the two variants the one whose batch sizes the
/// pages give. Earlier containers are taken to do as 25.11, later ones as 26.06.01.
struct BridgeRecipe: Hashable {
    /// Modules to recompute, as `--recompute-modules` names them; `none` for none.
    var recompute: String
    var dispatcher: Implementation.Dispatcher
    /// Whether dispatch and combine run beside another micro-batch (`moe_a2a_overlap`).
    var overlapsExperts: Bool
    /// Which launches are recorded and replayed (`cuda_graph_impl` and `cuda_graph_scope`).
    var graphs: Graphs

    enum Graphs {
        case none
        /// Those of attention and router.
        case parts
        /// Those of a whole step, which goes with fused kernels of the experts.
        case step
    }

    /// Which of the FP8 recipes, or BF16.
    enum NumberFormat { case bf16, currentScaling, microScaling }

    init?(_ row: MeasuredRow) {
        guard row.mentions("megatron-bridge 2", in: .framework) else { return nil }
        let release = row.release
        let format = row.numberFormat
        let found = Self.rules.first { rule in
            row[.model].hasPrefix(rule.model) && rule.gpus.contains(row[.gpu])
                && (rule.formats?.contains(format) ?? true) && release >= rule.since
        }
        guard let found else { return nil }
        recompute = found.recompute
        dispatcher = found.fused ? .fused : .allToAll
        overlapsExperts = found.overlap
        graphs = found.graphs
    }

    private struct Rule {
        var model: String
        var gpus: [String]
        /// `nil` for all.
        var formats: [NumberFormat]?
        /// The first container that it holds for.
        var since: String
        var recompute: String
        var fused: Bool
        var overlap: Bool
        var graphs: Graphs

        init(
            _ model: String, _ gpus: [String], _ formats: [NumberFormat]? = nil,
            since: String = "", recompute: String = "none", fused: Bool = false,
            overlap: Bool = false, graphs: Graphs = .none
        ) {
            (self.model, self.gpus, self.formats, self.since) = (model, gpus, formats, since)
            (self.recompute, self.fused) = (recompute, fused)
            (self.overlap, self.graphs) = (overlap, graphs)
        }
    }

    private static let racks = ["GB200", "GB300"]
    private static let everywhere = ["GB200", "GB300", "B200", "B300", "H100"]
    private static let rules = deepSeek + qwen + gptOSS + kimi + llama

    private static let deepSeek: [Rule] = [
        Rule(
            "deepseek-v3", ["GB300"], [.microScaling], since: "26.06", fused: true, overlap: true,
            graphs: .step),
        Rule("deepseek-v3", ["GB300"], [.bf16], recompute: "moe_act", fused: true, graphs: .parts),
        Rule("deepseek-v3", ["GB300"], since: "26.02", recompute: "mla_up_proj", fused: true),
        Rule("deepseek-v3", ["GB300"], recompute: "moe_act", fused: true, graphs: .parts),
        Rule(
            "deepseek-v3", ["GB200"], [.microScaling], since: "26.06", recompute: "mla_up_proj",
            fused: true,
            overlap: true, graphs: .step),
        Rule(
            "deepseek-v3", ["GB200"], [.currentScaling, .microScaling], since: "26.04",
            recompute: "mlp",
            fused: true, graphs: .parts),
        Rule("deepseek-v3", ["GB200"], recompute: "mla_up_proj", fused: true, graphs: .parts),
        Rule(
            "deepseek-v3", ["B300"], [.microScaling], since: "26.06.01", recompute: "mla_up_proj",
            fused: true, overlap: true, graphs: .step),
        Rule(
            "deepseek-v3", ["B300"], since: "26.06", recompute: "mla_up_proj", fused: true,
            graphs: .parts),
        Rule(
            "deepseek-v3", ["B200"], [.microScaling], since: "26.06", recompute: "mla_up_proj mlp",
            fused: true, overlap: true, graphs: .parts),
        Rule(
            "deepseek-v3", ["B200", "B300"], since: "26.02", recompute: "mla_up_proj", fused: true),
        Rule("deepseek-v3", ["B200", "B300"], recompute: "mla_up_proj"),
        Rule("deepseek-v3", ["H100"], since: "26.02", recompute: "mla_up_proj mlp", fused: true),
        Rule("deepseek-v3", ["H100"], recompute: "mla_up_proj mlp", fused: true, overlap: true),
    ]

    private static let qwen: [Rule] = [
        Rule(
            "qwen3", racks, [.microScaling], since: "26.06", fused: true, overlap: true,
            graphs: .step),
        Rule("qwen3", racks, fused: true, graphs: .parts),
        Rule(
            "qwen3-235b", ["B200", "B300"], [.microScaling], since: "26.06.01", fused: true,
            overlap: true, graphs: .step),
        Rule("qwen3-235b", ["B300"], since: "26.06", fused: true),
        Rule("qwen3-235b", ["B200", "B300"], since: "26.04"),
        Rule("qwen3-235b", ["B200", "B300"], since: "26.02.01", fused: true),
        Rule("qwen3-235b", ["B300"], overlap: true),
        Rule("qwen3-235b", ["B200"], since: "26.02"),
        Rule("qwen3-235b", ["B200"], overlap: true),
        Rule("qwen3-235b", ["H100"], since: "26.04", overlap: true),
        Rule("qwen3-235b", ["H100"], since: "26.02.01", fused: true, overlap: true),
        Rule("qwen3-235b", ["H100"], overlap: true),
        Rule(
            "qwen3-30b", ["B300"], [.microScaling], since: "26.06", fused: true, overlap: true,
            graphs: .step),
        Rule(
            "qwen3-30b", ["B200"], [.microScaling], since: "26.06.01", fused: true, overlap: true,
            graphs: .step),
        Rule("qwen3-30b", ["B300"], fused: true, graphs: .parts),
        Rule("qwen3-30b", ["B200"], since: "26.02.01", fused: true, graphs: .parts),
        Rule("qwen3-30b", ["B200"], graphs: .parts),
        Rule("qwen3-30b", ["H100"], [.bf16], since: "26.02.01", fused: true, graphs: .parts),
        Rule("qwen3-30b", ["H100"], since: "26.02.01", fused: true),
        Rule("qwen3-30b", ["H100"], since: "26.02", fused: true, overlap: true),
        Rule("qwen3-30b", ["H100"], overlap: true),
    ]

    private static let gptOSS: [Rule] = [
        Rule(
            "gpt-oss", racks, [.microScaling], since: "26.06", fused: true, overlap: true,
            graphs: .step),
        Rule("gpt-oss", ["B300"], since: "26.04", fused: true, graphs: .parts),
        Rule("gpt-oss", ["GB300", "B300"], graphs: .parts),
        Rule("gpt-oss", ["GB200"], since: "26.06", recompute: "layernorm moe_act", overlap: true),
        Rule(
            "gpt-oss", ["GB200"], since: "26.04", recompute: "layernorm moe_act", fused: true,
            overlap: true),
        Rule("gpt-oss", ["B200"], since: "26.06", recompute: "layernorm moe_act"),
        Rule("gpt-oss", ["B200"], since: "26.04", recompute: "layernorm moe_act", fused: true),
        Rule("gpt-oss", everywhere, recompute: "layernorm moe_act"),
    ]

    private static let kimi: [Rule] = [
        Rule("kimi", ["GB200"], recompute: "mla_up_proj", fused: true, graphs: .parts),
        Rule("kimi", ["GB300"], recompute: "mla_up_proj", fused: true),
        Rule("kimi", ["H100"], recompute: "mla_up_proj mlp"),
        Rule("kimi", everywhere, recompute: "mla_up_proj"),
    ]

    private static let llama: [Rule] = [
        Rule("llama3-8b", racks + ["B200", "B300"], graphs: .step),
        Rule("llama3-70b", ["B200"], [.bf16], graphs: .step),
        Rule("llama3", everywhere),
    ]
}

extension MeasuredRow {
    /// The container's number in a text such as `Megatron-Bridge 26.04.01 NeMo Container`.
    var release: String {
        self[.framework].split(separator: " ").dropFirst().first.map(String.init) ?? ""
    }

    fileprivate var numberFormat: BridgeRecipe.NumberFormat {
        let text = self[.precision].lowercased()
        if text.contains("bf16") { return .bf16 }
        return text.contains("mx") && !text.contains("cs") ? .microScaling : .currentScaling
    }
}
