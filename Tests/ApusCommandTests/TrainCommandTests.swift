import ApusTestSupport
import Foundation
import Testing

@Suite(
    "apus train on four local ranks", .serialized, .enabled(if: TrainingRun.hasEngine),
    .timeLimit(.minutes(2)))
struct TrainCommandTests {
    @Test("the loss falls, and each step's line in the log has every field")
    func lossFalls() throws {
        let run = try TrainingRun()
        let outcome = try run.start("--log", run.path("run.jsonl")).end(within: 60)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        let lines = try run.log("run.jsonl")
        #expect(lines.map { $0["step"] as? Int } == Array(1...20))
        #expect(lines.allSatisfy { Set($0.keys) == TrainingRun.logFields })
        // Each of 8 × 64 tokens goes to 2 experts in each of 4 layers.
        #expect(lines.allSatisfy { $0["kept"] as? Int == 8 * 64 * 2 * 4 })
        #expect(lines.allSatisfy { $0["tokens"] as? Int == 8 * 64 })
        let losses = try run.losses("run.jsonl").map { $0[0] }
        let last = losses.suffix(5).reduce(0, +) / 5
        // Without training the loss is that of a guess among 512 tokens.
        #expect(abs(losses[0] - log(512)) < 0.2)
        #expect(last < 0.7 * losses[0])
    }

    @Test("two runs are bit-identical, and a run of another seed is not")
    func repeatsToTheBit() throws {
        let run = try TrainingRun()
        let arguments: [(name: String, seed: String)] = [("a", "5"), ("b", "5"), ("c", "6")]
        for (name, seed) in arguments {
            let outcome = try run.start(
                "--steps", "4", "--seed", seed, "--log", run.path(name), name: "out-\(name)"
            ).end(within: 60)
            #expect(outcome.status == 0, "\(outcome.transcript)")
        }
        let first = try run.losses("a")
        #expect(first.count == 4)
        #expect(try run.losses("b") == first)
        #expect(try run.losses("c") != first)
    }

    @Test("with `--json` stdout holds one document, and with `--quiet` the steps are not told")
    func printsOneDocument() throws {
        let run = try TrainingRun()
        let outcome = try run.start("--steps", "2", "--json").end(within: 60)
        #expect(outcome.status == 0)
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        #expect((document as? [String: Any])?["steps"] as? Int == 2)
        #expect(outcome.errors.contains("step 2/2"))
        let quiet = try run.start("--steps", "2", "--json", "--quiet").end(within: 60)
        #expect(quiet.status == 0)
        #expect(quiet.errors.isEmpty, "\(quiet.errors)")
    }

    @Test("`--local` tells everything that it replaces of the document's deployment")
    func tellsReplacements() throws {
        let run = try TrainingRun()
        let process = try ApusProcess(
            ["train", "Plans/strategy-16gpu.yaml", "--local", "--data", run.text],
            folder: run.folder)
        #expect(waits(upTo: 30) { process.output.contains("\nlayout ") || process.hasEnded })
        process.send(SIGKILL)
        _ = try process.end(within: 10)
        #expect(waits(upTo: 5) { process.alive.isEmpty })
        let block = process.output.prefix(while: { _ in true }).split(separator: "\n\n").first
        try expectSnapshot(String(try #require(block)) + "\n", named: "train-local-replacements")
    }
}

@Suite("apus train that cannot start", .serialized, .timeLimit(.minutes(1)))
struct TrainRefusalTests {
    /// Stands for an engine where the refusal comes before one is opened.
    private let engine = ["--engine", "/nowhere/engine.so"]

    @Test("without `--local`, every key that cannot be executed is named with its line")
    func namesKeys() throws {
        let folder = try TestFolder()
        let outcome = try ApusProcess(
            ["train", "Plans/strategy-16gpu.yaml", "--data", "x"] + engine, folder: folder
        ).end(within: 20)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        try expectSnapshot(outcome.errors, named: "train-unsupported")
    }

    @Test("an engine that cannot be opened is told once")
    func namesEngine() throws {
        let run = try TrainingRun()
        let outcome = try run.start("--engine", "/nowhere/engine.so").end(within: 20)
        #expect(
            outcome.transcript == """
                exit status 2
                --- stdout
                --- stderr
                error: engine `/nowhere/engine.so` cannot be opened: /nowhere/engine.so: cannot \
                open shared object file: No such file or directory  [engine-missing]
                  hint: run `scripts/build-engine`; planning, simulating and auditing work without \
                an engine

                """)
    }

    @Test("text that is missing is told once, with every path", .enabled(if: TrainingRun.hasEngine))
    func namesMissingText() throws {
        let run = try TrainingRun()
        let outcome = try run.start("/nowhere/a", "/nowhere/b").end(within: 20)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        let hint = """
              expected: a text file, or a folder that holds some
              hint: names that start with a dot are left out of folders
            """
        #expect(
            outcome.errors == """
                error: cannot read training text: cannot open `/nowhere/a`: No such file or \
                directory  [data-missing]
                \(hint)

                error: cannot read training text: cannot open `/nowhere/b`: No such file or \
                directory  [data-missing]
                \(hint)

                """)
    }

    @Test("text that fills no sequence is told once", .enabled(if: TrainingRun.hasEngine))
    func namesShortText() throws {
        let run = try TrainingRun()
        _ = try run.folder.write(String(repeating: "x", count: 40), to: "text.txt")
        let outcome = try run.start().end(within: 20)
        #expect(
            outcome.transcript == """
                exit status 2
                --- stdout
                --- stderr
                error: the training text has 40 bytes, one sequence of 64 tokens needs 65\
                  [data-size]
                  expected: at least 65 bytes of text
                  hint: name more text with `--data`, or shorten `run.sequence_length`

                """)
    }

    @Test("a job of another size than the plan's is refused by each rank")
    func refusesWorldSize() throws {
        let run = try TrainingRun()
        let outcome = try run.start(
            "--engine", "/nowhere/engine.so",
            environment: [
                "RANK": "1", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": "29500",
            ]
        ).end(within: 20)
        #expect(
            outcome.transcript == """
                exit status 2
                --- stdout
                --- stderr
                Plans/small.yaml: error: the plan needs 4 ranks, torchrun started 8  [world-size]
                  expected: 4 ranks over all hosts

                """)
    }

    @Test("variables of a launcher that make no sense are all named")
    func refusesVariables() throws {
        let run = try TrainingRun()
        let outcome = try run.start(
            environment: ["RANK": "4", "WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1"]
        ).end(within: 20)
        #expect(
            outcome.transcript == """
                exit status 2
                --- stdout
                --- stderr
                error: environment variable `RANK` is `4`  [rendezvous]
                  expected: an index from 0 to 3, below `WORLD_SIZE` (4)

                error: environment variable `MASTER_PORT` is missing  [rendezvous]
                  expected: a port from 1 to 65535

                """)
    }
}
