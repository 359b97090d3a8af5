import ApusTestSupport
import Foundation
import Testing

@Suite("Flags of apus plan", .serialized, .timeLimit(.minutes(2)))
struct PlanFlagTests {
    @Test("flags alone make a deployment, and the front is drawn as well-formed SVG")
    func plansFromFlags() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/front.svg"
        let outcome = try ApusProcess.run(
            "plan", "--model", "Plans/models/olmoe-1b-7b.json", "--cluster", "8xh100-sxm",
            "--workload", "batch=64,length=4096,precision=bf16", "--pareto", path, "--top", "2",
            limit: 60)
        #expect(outcome.status == 0)
        let lines = outcome.output.split(separator: "\n")
        let first = try #require(lines.firstIndex { $0.hasPrefix("tokens/s/GPU") })
        let last = try #require(lines.firstIndex { $0.hasPrefix("1 recommended") })
        #expect(last - first < 16)
        #expect(lines[first...last].allSatisfy { $0.count <= 72 && $0.allSatisfy(\.isASCII) })
        let svg = try folder.text("front.svg")
        let parser = XMLDocumentShape(svg)
        #expect(parser.isBalanced)
        #expect(svg.contains("prefers-color-scheme: dark"))
        #expect(svg.contains("(recommended)"))
        #expect(svg.contains("memory on the fullest rank (GB)"))
    }

    @Test("what the flags get wrong is told with what was expected", arguments: wrongFlags)
    func refusesFlags(flags: [String], status: Int32, message: String) throws {
        let folder = try TestFolder()
        let outcome = try ApusProcess(["plan"] + flags, folder: folder).end(within: 20)
        #expect(outcome.status == status, "\(flags)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    private static let wrongFlags: [([String], Int32, String)] = [
        ([], 64, "give a deployment file, or `--model`, `--cluster` and `--workload`"),
        (["--model", "x.json"], 64, "`--cluster` and `--workload` must be given"),
        (["Plans/small.yaml", "--top", "0"], 64, "`--top 0`"),
        (["Plans/small.yaml", "--days", "3"], 64, "`--days` goes with `--tokens`"),
        (["Plans/small.yaml", "--tokens", "nan"], 64, "`--tokens"),
        (["Plans/small.yaml", "--force"], 64, "`--force` goes with"),
        (["Plans/small.yaml", "--sweep", "gpus=a"], 64, "--sweep"),
        (["Plans/small.yaml", "--sweep", "gpus=4", "-o", "x"], 64, "`--sweep` goes without"),
        (["Plans/small.yaml", "--sweep", "gpus=6"], 2, "do not fill nodes of 4  [world-size]"),
        (["Plans/small.yaml", "--layout", "pp3"], 2, "`plan` needs 3 ranks"),
        (["Plans/small.yaml", "--layout", "qq3"], 2, "the axis `qq`  [unknown-key]"),
        (["Plans/small.yaml", "--cluster", "12xh100"], 2, "do not fill nodes of 8"),
        (["Plans/small.yaml", "--cluster", "8xh1000"], 2, "the GPU `h1000`  [unknown-value]"),
        (["Plans/small.yaml", "--workload", "batch=4"], 2, "has no `length`  [missing-key]"),
        (["Plans/small.yaml", "--workload", "batch=4,size=3"], 2, "[unknown-key]"),
        (["Plans/small.yaml", "--workload", "batch=0,length=3"], 2, "[out-of-range]"),
        (["no-such-file.yaml"], 2, "No such file or directory"),
    ]

    @Test("a gate that a file asks for stays, also one that is the default and comes first")
    func keepsGate() throws {
        let folder = try TestFolder()
        let text = try Repository.text("Plans/small.yaml")
            .replacing(
                "model_type: mixtral",
                with: """
                    model_type: deepseek_v3
                      q_lora_rank: 32
                      kv_lora_rank: 16
                      qk_nope_head_dim: 16
                      qk_rope_head_dim: 8
                      v_head_dim: 16
                      moe_intermediate_size: 96
                    """
            )
            .replacing("num_local_experts", with: "n_routed_experts")
            .replacing("  head_dim: 16\n", with: "")
        for (name, head, gate) in [
            ("asks", "routing:\n  gate: softmax_top_k\n", "softmax_top_k"),
            ("leaves", "", "sigmoid_bias"),
        ] {
            let path = try folder.write(head + text, to: "\(name).yaml")
            let found = "\(folder.path)/\(name)-found.yaml"
            let outcome = try ApusProcess.run("plan", path, "-o", found)
            #expect(outcome.status == 0, "\(outcome.errors)")
            let written = try String(contentsOfFile: found, encoding: .utf8)
            #expect(written.contains("gate: \(gate)"))
        }
    }
}

/// Whether the elements of an XML text open and close in order.
private struct XMLDocumentShape {
    let isBalanced: Bool

    init(_ text: String) {
        var open: [Substring] = []
        var isBalanced = true
        for piece in text.split(separator: "<").dropFirst(text.hasPrefix("<") ? 0 : 1) {
            guard let tag = piece.split(separator: ">").first else { continue }
            let name = tag.prefix { $0 != " " && $0 != "/" }
            if tag.hasPrefix("/") {
                isBalanced = isBalanced && open.popLast() == tag.dropFirst()
            } else if !tag.hasSuffix("/") {
                open.append(name)
            }
        }
        self.isBalanced = isBalanced && open.isEmpty
    }
}
