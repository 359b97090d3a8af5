import ApusPlan
import Testing

/// One change to the small file and the whole text of what is said about it.
struct Mistake: CustomTestStringConvertible, Sendable {
    var old: String
    var new: String
    var message: String

    init(_ old: String, _ new: String, _ message: String) {
        self.old = old
        self.new = new
        self.message = message
    }

    var testDescription: String { new.replacing("\n", with: " ⏎ ") }
}

@Suite("Messages about keys and values")
struct FieldMessageTests {
    @Test("the small file has no problems")
    func acceptsSmallFile() {
        #expect(SmallFile.messages(of: SmallFile.text) == [])
    }

    @Test("a key that cannot be used is named", arguments: keyMistakes)
    func namesKeys(mistake: Mistake) {
        #expect(SmallFile.messages(replacing: mistake.old, with: mistake.new) == [mistake.message])
    }

    static let keyMistakes = [
        Mistake(
            "  pipeline_parallel", "  pipline_parallel",
            """
            plans/small.yaml:19:3: error: unknown key `plan.pipline_parallel`  [unknown-key]
              expected: context_parallel, data_parallel, expert_parallel, pipeline_parallel, \
            tensor_parallel, …
              hint: did you mean `pipeline_parallel`?
            """),
        Mistake(
            "model:", "colour: red\nmodel:",
            """
            plans/small.yaml:1:1: error: unknown key `colour`  [unknown-key]
              expected: apus, claims, cluster, model, plan, routing, run, workload
            """),
        Mistake(
            "  hidden_size: 64\n", "",
            """
            plans/small.yaml:1:1: error: `model.hidden_size` is missing  [missing-key]
              expected: an integer from 1 to 65536
            """),
        Mistake(
            "  micro_batches: 2\n  sequences_per_data_rank: 4\n", "",
            """
            plans/small.yaml:18:1: error: `plan.by_sequence_length` is missing  [missing-key]
              expected: a list, or `micro_batches` and `sequences_per_data_rank` in `plan`
            """),
        Mistake(
            "  gpu: h100-sxm\n", "",
            """
            plans/small.yaml:11:1: error: `cluster.gpu` is missing  [missing-key]
              expected: a preset such as `h100-sxm`, or its figures
            """),
        Mistake(
            "nodes: 2\n", "nodes: 3\n  nodes: 2\n",
            """
            plans/small.yaml:13:3: error: the key `nodes` is given twice  [duplicate-key]
              first on line 12
              hint: keep one of the two
            """),
        Mistake(
            "plan:",
            "claims:\n- {id: a, quantity: q, value: 1}\n- {id: a, quantity: r, value: 2}\nplan:",
            """
            plans/small.yaml:20:4: error: the claim `a` is given twice  [duplicate-key]
              hint: give each claim an id of its own
            """),
        Mistake(
            "  micro_batches: 2\n  sequences_per_data_rank: 4",
            """
              recompute: full
              by_sequence_length: [{ up_to: 16, micro_batches: 1, sequences_per_data_rank: 4 }]
            """,
            """
            plans/small.yaml:22:3: error: `plan.recompute` and `plan.by_sequence_length` are both \
            given  [conflicting-keys]
              expected: `recompute` in each entry of `by_sequence_length`, or in `plan` alone
            """),
    ]

    @Test("a value that cannot be used is quoted with what was expected", arguments: valueMistakes)
    func quotesValues(mistake: Mistake) {
        #expect(SmallFile.messages(replacing: mistake.old, with: mistake.new) == [mistake.message])
    }

    static let valueMistakes = [
        hiddenSize("large", is: "`large`  [wrong-type]"),
        hiddenSize("64.5", is: "`64.5`  [wrong-type]"),
        hiddenSize(".nan", is: "`.nan`  [wrong-type]"),
        hiddenSize("0x40", is: "`0x40`  [wrong-type]"),
        hiddenSize("[64]", is: "a list  [wrong-type]"),
        hiddenSize("{ a: 1 }", is: "a mapping  [wrong-type]"),
        hiddenSize("true", is: "`true`  [wrong-type]"),
        hiddenSize("-64", is: "`-64`  [out-of-range]"),
        hiddenSize("0", is: "`0`  [out-of-range]"),
        hiddenSize("1e400", is: "`1e400`  [out-of-range]"),
        hiddenSize("9223372036854775808", is: "`9223372036854775808`  [out-of-range]"),
        hiddenSize("\"64\"", is: "the text `64`  [wrong-type]", "write the number without quotes"),
        hiddenSize("", is: "empty  [wrong-type]", "give it a value, or leave the key out"),
        hiddenSize("~", is: "empty  [wrong-type]", "give it a value, or leave the key out"),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 65537",
            """
            plans/small.yaml:20:3: error: `plan.data_parallel` is `65537`  [out-of-range]
              expected: an integer from 1 to 65536
            """),
        Mistake(
            "  vocab_size: 512", "  vocab_size: 512\n  rope_theta: .inf",
            """
            plans/small.yaml:11:3: error: `model.rope_theta` is `.inf`  [wrong-type]
              expected: a number from 1 to 1e12
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 2\n  overlap: yes",
            """
            plans/small.yaml:21:3: error: `plan.overlap` is `yes`  [wrong-type]
              expected: `true` or `false`
            """),
        Mistake(
            "  data_parallel: 2", "  data_parallel: 2\n  schedule: 1f1",
            """
            plans/small.yaml:21:3: error: `plan.schedule` is `1f1`  [unknown-value]
              expected: gpipe, 1f1b, interleaved_1f1b, zero_bubble_h1, zero_bubble_v or dualpipe_v
              hint: did you mean `1f1b`?
            """),
        Mistake(
            "gpu: h100-sxm", "gpu: h100-smx",
            """
            plans/small.yaml:14:3: error: `cluster.gpu` is `h100-smx`  [unknown-value]
              expected: a100-80gb, a100-40gb, h100-sxm, h800-sxm, h200-sxm, b200, gb200, gb300, \
            b300, mi300x, l40s or rtx4090, or a mapping with the figures
              hint: did you mean `h100-sxm`?
            """),
        Mistake(
            "gpu: h100-sxm", "gpu: { name: mine, peak_tflops: { bf16: 4 }, memory_gb: 4 }",
            """
            plans/small.yaml:14:3: error: `cluster.gpu.memory_bandwidth_gb_per_s` is missing  \
            [missing-key]
              expected: a number from 1e-6 to 1e9
            """),
        Mistake(
            "plan:", "claims: [{ id: a, quantity: q, value: 1, formula: [2] }]\nplan:",
            """
            plans/small.yaml:18:42: error: `claims[0].formula` is a list  [wrong-type]
              expected: text of at most 4096 characters
            """),
        Mistake(
            "plan:", "claims: [{ id: a, quantity: q, value: [2, 1] }]\nplan:",
            """
            plans/small.yaml:18:32: error: `claims[0].value` goes from 2 down to 1  [out-of-range]
              expected: the lower bound first
            """),
        Mistake(
            "sequence_lengths: [16]", "sequence_lengths: []",
            """
            plans/small.yaml:17:3: error: `workload.sequence_lengths` is an empty list  [wrong-type]
              expected: a list of 1 to 1000 integers from 1 to 1048576
            """),
    ]

    private static func hiddenSize(
        _ value: String, is summary: String, _ hint: String? = nil
    ) -> Mistake {
        Mistake(
            "hidden_size: 64", "hidden_size: \(value)",
            """
            plans/small.yaml:3:3: error: `model.hidden_size` is \(summary)
              expected: an integer from 1 to 65536
            """ + (hint.map { "\n  hint: \($0)" } ?? ""))
    }

    @Test("integers may be written as whole decimal numbers, as JSON writers do")
    func acceptsWholeDecimals() throws {
        let text = SmallFile.text.replacing("hidden_size: 64", with: "hidden_size: 6.4e1")
        #expect(try SmallFile.read(text).deployment.model.hiddenSize == 64)
    }

    @Test("every problem of a file is reported in one run, in the order of the file")
    func reportsAllInOrder() {
        let text = SmallFile.text
            .replacing("hidden_size: 64", with: "hidden_size: none\n  hidden_size: 64")
            .replacing("num_experts_per_tok: 2", with: "num_experts_per_tok: 9")
            .replacing("nodes: 2", with: "nodse: 2")
            .replacing("sequence_lengths: [16]", with: "sequence_lengths: [16, -1]")
            .replacing("expert_parallel: 2", with: "expert_parallel: 3")
        let summary = SmallFile.messages(of: text).map { message in
            let line = message.split(separator: "\n")[0]
            return "\(line.split(separator: ":")[1]) \(line.split(separator: "[").last ?? "")"
        }
        #expect(
            summary == [
                "4 duplicate-key]", "9 top-k]", "13 unknown-key]", "18 out-of-range]",
                "22 expert-degree]",
            ])
    }

    @Test("a file with very many problems shows the first hundred and counts the rest")
    func countsTheRest() {
        let keys = (0..<150).map { "x\($0): 1\n" }.joined()
        let messages = SmallFile.messages(of: SmallFile.text + keys)
        #expect(messages.count == 101)
        #expect(
            messages.last == """
                plans/small.yaml: error: 50 more problems are not shown  [more-problems]
                  hint: mend the ones above first
                """)
    }

    @Test("a mapping is asked for where something else stands")
    func asksForMappings() {
        #expect(
            SmallFile.messages(of: "[1, 2]") == [
                """
                plans/small.yaml:1:1: error: the deployment is a list  [wrong-type]
                  expected: a mapping with keys such as `apus`, `model`, `cluster`, `workload`
                """
            ])
        for text in ["", "# only a comment\n", "---\n", "null"] {
            #expect(
                SmallFile.messages(of: text) == [
                    """
                    plans/small.yaml: error: the deployment is empty  [wrong-type]
                      expected: a mapping with `apus`, `model`, `cluster`, `workload`, `plan`, \
                    `routing`, `claims`, `run`
                    """
                ])
        }
    }
}
