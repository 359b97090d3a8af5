import ApusTestSupport
import Foundation
import Testing

@Suite("Bad input to the command line", .serialized, .timeLimit(.minutes(1)))
struct BadInputTests {
    @Test("a misspelt key is named with the one that was meant, and nothing is printed")
    func suggestsKey() throws {
        let folder = try TestFolder()
        let small = try Repository.text("Plans/small.yaml")
        let file = try folder.write(
            small.replacing("  schedule: 1f1b", with: "  shedule: 1f1b"), to: "wrong.yaml")
        let outcome = try ApusProcess.run("program", file, "--check")
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        try expectSnapshot(
            outcome.errors.replacing(folder.path, with: "FOLDER"), named: "unknown-key")
    }

    @Test("a file that is not there, a folder and a deployment without a plan have no answer")
    func namesFile() throws {
        let folder = try TestFolder()
        let missing = try ApusProcess.run("program", "/nowhere/plan.yaml")
        #expect(
            missing.transcript == """
                exit status 2
                --- stdout
                --- stderr
                error: cannot open `/nowhere/plan.yaml`: No such file or directory  [system]

                """)
        let directory = try ApusProcess.run("program", "Plans")
        #expect(directory.status == 2)
        #expect(
            directory.errors == "error: cannot read `Plans`: it is not a regular file  [system]\n")
        let small = try Repository.text("Plans/small.yaml")
        let plan = try #require(small.range(of: "\nplan:")).lowerBound
        let run = try #require(small.range(of: "\nrun:")).lowerBound
        let planless = try folder.write(
            String(small[..<plan] + small[run...]), to: "planless.yaml")
        let outcome = try ApusProcess.run("program", planless)
        #expect(outcome.status == 2)
        #expect(
            outcome.errors == """
                \(planless): error: the deployment has no `plan`  [plan-missing]
                  expected: a `plan` section with degrees, a schedule and micro-batches
                  hint: `apus plan \(planless) -o planned.yaml` finds one and writes it

                """)
    }

    @Test("what cannot be compiled yet is named with its line")
    func namesUncompiled() throws {
        let folder = try TestFolder()
        let strategy = try Repository.text("Plans/strategy-16gpu.yaml")
        let file = try folder.write(
            strategy.replacing("recompute: full }", with: "recompute: selective }")
                .replacing("zero_stage: 1", with: "zero_stage: 3"), to: "plan.yaml")
        let outcome = try ApusProcess.run("program", file, "--length", "4096")
        #expect(
            outcome.errors == """
                \(file):44:3: error: `plan.zero_stage` is 3, which Apus cannot compile into a \
                program yet  [not-compiled]
                  expected: 0 or 1
                  hint: `--local` replaces what cannot run yet and says so

                \(file):49:91: error: `plan.by_sequence_length[2].recompute` is `selective`, \
                which Apus cannot compile into a program yet  [not-compiled]
                  expected: `none` or `full`
                  hint: `--local` replaces what cannot run yet and says so

                """)
    }

    @Test("a file that is far too large is refused before it is read")
    func refusesLargeFile() throws {
        let folder = try TestFolder()
        let file = try folder.write("", to: "large.yaml")
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.truncate(atOffset: 1 << 40)
        try handle.close()
        let outcome = try ApusProcess.run("program", file, limit: 10)
        #expect(
            outcome.transcript == """
                exit status 2
                --- stdout
                --- stderr
                \(file): error: the file is too large for a deployment and is not read  [file-size]
                  expected: at most 262 144 bytes (256 KiB)
                  hint: a deployment or a `config.json` takes a few kilobytes; is this the right \
                file?

                """)
    }

    @Test("flags that ask for more than Apus can count are refused like a file that does")
    func refusesUncountableFlags() throws {
        let folder = try TestFolder()
        let file = try folder.write(Self.vast, to: "vast.yaml")
        #expect(try ApusProcess.run("program", file, "--check", "--quiet").status == 0)
        let program = try ApusProcess.run("program", file, "--check", "--length", "1048576")
        #expect(
            program.transcript == """
                exit status 2
                --- stdout
                --- stderr
                \(file):5:1: error: a step of 1e12 tokens through this model has more bytes than \
                Apus can count  [count-limit]
                  1 000 000 sequences of 1 048 576 tokens
                  expected: at most 4e8 tokens in a step

                """)
        let train = try ApusProcess.run(
            "train", file, "--data", "x", "--sequences", "1048576", "--sequence-length", "1048576")
        #expect(
            train.transcript == """
                exit status 2
                --- stdout
                --- stderr
                \(file):6:1: error: a step of 1e12 tokens through this model has more bytes than \
                Apus can count  [count-limit]
                  1 048 576 sequences of 1 048 576 tokens
                  expected: at most 4e8 tokens in a step

                """)
    }

    /// A deployment that is as large as Apus counts in everything but its sequences.
    private static let vast = """
        model: { num_hidden_layers: 4, hidden_size: 65536, num_attention_heads: 64, head_dim: 128,
          num_local_experts: 64, num_experts_per_tok: 32, intermediate_size: 262144,
          vocab_size: 4194304 }
        workload: { sequences_per_batch: 8, sequence_lengths: [64], precision: fp32 }
        plan: { micro_batches: 1, sequences_per_data_rank: 1000000 }
        run: { sequence_length: 64, sequences_per_step: 8 }

        """

    @Test("flags that do not suit the plan are refused like the keys that they override")
    func refusesUnsuitableFlags() throws {
        let sequences = try ApusProcess.run(
            "train", "Plans/small.yaml", "--data", "x", "--sequences", "7")
        #expect(
            sequences.transcript == """
                exit status 2
                --- stdout
                --- stderr
                Plans/small.yaml:55:3: error: `run.sequences_per_step` is 7, which 2 data ranks \
                cannot share  [micro-batches]
                  expected: a multiple of 2
                  hint: `--local` replaces it

                """)
        let length = try ApusProcess.run(
            "program", "Plans/strategy-16gpu.yaml", "--length", "10241")
        #expect(
            length.transcript == """
                exit status 2
                --- stdout
                --- stderr
                Plans/strategy-16gpu.yaml:46:3: error: no bucket of the plan holds sequences of \
                10241 tokens  [sequence-length]
                  expected: at most 10240

                """)
    }

    @Test("hostile files are refused within seconds, without a crash", arguments: hostile.keys)
    func refusesHostileFile(name: String) throws {
        let folder = try TestFolder()
        let text = try #require(Self.hostile[name])
        let file = try folder.write(text, to: "hostile.yaml")
        let outcome = try ApusProcess.run("program", file, "--check", limit: 10)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("error: "))
        #expect(outcome.errors.utf8.count < 20_000)
        #expect(outcome.seconds < 3, "a debug build on a busy machine; a release takes under 1 s")
    }

    private static let hostile = [
        "brackets": String(repeating: "[", count: 3_000_000),
        "deep": String(repeating: "[", count: 20_000),
        "aliases": (1...12).reduce("a0: &a0 [x, x, x, x, x, x, x, x, x]\n") { text, level in
            let list = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            return text + "a\(level): &a\(level) [\(list)]\n"
        },
        "numbers": "apus: 99999999999999999999999\nmodel: { num_hidden_layers: -1e400 }\n",
        "ranks": "apus: 1\nplan: { pipeline_parallel: 65537, data_parallel: .nan }\n",
        "bytes": "\u{0}\u{1}\u{7F}\u{FEFF}",
        "empty": "",
    ]
}
