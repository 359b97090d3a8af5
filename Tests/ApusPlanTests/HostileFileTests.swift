import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

/// Files made to hurt: each gets an error, none a trap, and none takes more than a second.
@Suite("Hostile files", .serialized)
struct HostileFileTests {
    /// A second on an idle machine; tests run beside others and without optimisation.
    private static let timeMax = Duration.seconds(3)

    struct Attack: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var text: String

        init(_ name: String, _ text: String) {
            testDescription = name
            self.text = text
        }
    }

    private static func repeated(_ text: String, upTo size: Int = 262_000) -> String {
        String(repeating: text, count: size / text.utf8.count)
    }

    private static func keys(_ count: Int, _ key: (Int) -> String) -> String {
        (0..<count).map(key).joined()
    }

    static let attacks = [
        Attack("four megabytes of brackets", repeated("[", upTo: 4_000_000)),
        Attack("brackets up to the limit", repeated("[")),
        Attack("braces up to the limit", repeated("{")),
        Attack("brackets and braces in turn", repeated("[{")),
        Attack("nested keys", "{" + repeated("\"a\":{", upTo: 250_000)),
        Attack("nested lists", repeated("- ")),
        Attack("nested question marks", repeated("? ")),
        Attack("indented keys", keys(700) { String(repeating: " ", count: $0) + "a:\n" }),
        Attack("a list of very many values", "a: [" + repeated("1,", upTo: 250_000) + "]"),
        Attack("100 000 keys", keys(100_000) { "key\($0): 1\n" }),
        Attack("keys up to the limit", keys(23_000) { "k\($0): 1\n" }),
        Attack("one key very often", repeated("k: 1\n")),
        Attack("every key twice", keys(9_000) { "k\($0): 1\nk\($0): 1\n" }),
        Attack("a key given twice in a small file", keys(300) { "k\($0 / 2): 1\n" }),
        Attack("unknown keys in sections", keys(9000) { "plan\($0): {a: 1}\n" }),
        Attack("a long key", repeated("x", upTo: 250_000) + ": 1"),
        Attack("a long value", "apus: " + repeated("x", upTo: 250_000)),
        Attack("a number of very many digits", "apus: 1" + repeated("0", upTo: 250_000)),
        Attack("a quote without end", "apus: \"" + repeated("\\n", upTo: 250_000)),
        Attack("anchors", repeated("&a ")),
        Attack("tags", repeated("!!a ")),
        Attack("directives", repeated("%YAML 1.1\n")),
        Attack("comments alone", repeated("#\n")),
        Attack("documents", repeated("---\n")),
        Attack("control characters", "a: \u{0}\u{1}\u{7}"),
        Attack("an alias of itself", "a: &a [*a]"),
        Attack(
            "an alias bomb",
            "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
                + keys(30) {
                    "a\($0 + 1): &a\($0 + 1) [" + (0..<9).map { _ in "*a0," }.joined() + "]\n"
                }),
        Attack(
            "an alias bomb in a key",
            "a: &a [1,1,1]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n? [*c,*c]\n: 1\n? [*c,*c]\n: 1\n"),
        Attack(
            "a large text with a few aliases",
            "a: &a [" + repeated("1,", upTo: 200_000) + "]\nb: [*a,*a,*a,*a]\n? [*a,*a]\n: 1\n"),
        Attack("the end of a text", "\u{FEFF}"),
        Attack(
            "buckets whose sequences do not divide",
            SmallFile.text.replacing(
                "  micro_batches: 2\n  sequences_per_data_rank: 4",
                with: "  by_sequence_length:\n"
                    + keys(900) {
                        "  - {up_to: \($0 + 1), micro_batches: 7,"
                            + " sequences_per_data_rank: 1048573}\n"
                    })),
        Attack(
            "buckets full of mistakes",
            SmallFile.text.replacing(
                "  micro_batches: 2\n  sequences_per_data_rank: 4",
                with: "  by_sequence_length:\n"
                    + keys(990) { _ in
                        "  - {up_to: x, micro_batches: x, sequences_per_data_rank: x}\n"
                    })),
    ]

    @Test("an attack gets an error in time", arguments: attacks)
    func answersInTime(attack: Attack) {
        let clock = ContinuousClock()
        var messages: [String] = []
        let duration = clock.measure { messages = SmallFile.messages(of: attack.text) }
        #expect(messages.contains { $0.contains(": error: ") })
        #expect(messages.allSatisfy { $0.utf8.count < 2000 })
        #expect(duration < Self.timeMax)
    }

    @Test("the largest numbers of every key together are an answer, not a trap")
    func boundsProducts() {
        let text = """
            model: { num_hidden_layers: 1024, hidden_size: 65536, num_attention_heads: 4096,
              head_dim: 4096, num_local_experts: 4096, num_experts_per_tok: 4096,
              intermediate_size: 262144, vocab_size: 4194304 }
            cluster: { nodes: 65536, gpus_per_node: 65536, gpu: b200 }
            workload: { sequences_per_batch: 1048576, sequence_lengths: [1048576] }
            plan: { pipeline_parallel: 65536, data_parallel: 65536, context_parallel: 65536,
              tensor_parallel: 65536, expert_parallel: 65536, expert_tensor_parallel: 65536,
              chunks_per_rank: 1024, layers_per_stage: [1024, 1024], micro_batches: 65536,
              sequences_per_data_rank: 1048576 }
            run: { seed: 9223372036854775807, steps: 1000000000, sequence_length: 1048576,
              sequences_per_step: 1048576 }
            """
        let codes = SmallFile.messages(of: text).compactMap { message in
            message.split(separator: "\n")[0].split(separator: "[").last
        }
        #expect(codes.contains("count-limit]"))
        #expect(codes.contains("world-size]"))
    }

    @Test("random damage to the reference file never traps", arguments: 0..<8)
    func survivesDamage(round: UInt64) throws {
        let original = Array(try Repository.text("Plans/strategy-16gpu.yaml").utf8)
        var generator = SeededGenerator(seed: round)
        for _ in 0..<250 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                damage(&bytes, using: &generator)
            }
            do {
                let file = try readDeployment(bytes: bytes, file: "a.yaml") { _ in [] }
                #expect(file.deployment.problems().allSatisfy { $0.severity != .error })
            } catch {
                #expect(!error.diagnostics.isEmpty)
                #expect(error.diagnostics.contains { $0.severity == .error })
                #expect(error.diagnostics.allSatisfy { $0.location?.file == "a.yaml" })
            }
        }
    }

    /// Changes, removes, repeats or inserts a few bytes.
    private func damage(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
        guard bytes.count > 20 else { return }
        let place = Int.random(in: 0..<(bytes.count - 16), using: &generator)
        let length = Int.random(in: 1...16, using: &generator)
        let syntax = Array("{}[]:,-?*&!|>'\"%@`#\n\t 0123456789eE.+~\u{0}".utf8)
        let letter = syntax.randomElement(using: &generator) ?? 0
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes[place] = letter
        case 1: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 2: bytes.removeSubrange(place..<(place + length))
        case 3: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
        case 4: bytes.insert(letter, at: place)
        default:
            let digits = Array("99999999999999999999".utf8.prefix(length))
            bytes.replaceSubrange(place..<(place + 1), with: digits)
        }
    }
}
