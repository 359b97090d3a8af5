import ApusBase
import ApusPlan
import ApusTestSupport
import Foundation
import Testing

@testable import ApusValidation

@Suite("Logs and traces of other clusters")
struct LogReaderTests {
    private func read(_ name: String) throws -> LogFindings {
        let url = Repository.root.appending(path: "Tests/Fixtures/logs/\(name)")
        return try readLog(bytes: Array(try Data(contentsOf: url)), file: name)
    }

    @Test("nccl-tests gives size and time of each row, with the ranks of the lines above")
    func readsNCCLTests() throws {
        let found = try read("nccl-all-reduce.txt")
        #expect(
            found.calibration.collectives == [
                Calibration.Exchange(
                    collective: .allReduce, ranks: 4, bytes: 8, microseconds: 21.5),
                Calibration.Exchange(
                    collective: .allReduce, ranks: 4, bytes: 1_048_576, microseconds: 64),
                Calibration.Exchange(
                    collective: .allReduce, ranks: 4, bytes: 1_073_741_824, microseconds: 9100),
            ])
        #expect(found.hosts == 2)
        #expect(found.ranks == 4)
        #expect(found.gpuName == "NVIDIA H100 80GB HBM3")
        #expect(found.calibration.sources[0].used == "3 rows of all_reduce")
        #expect(found.calibration.sources[0].lines == 20)
    }

    @Test("an older nccl-tests has fewer columns, and its file's name says the collective")
    func readsOlderNCCLTests() throws {
        let rows = try read("alltoall_perf.txt").calibration.collectives
        #expect(
            rows == [
                Calibration.Exchange(
                    collective: .allToAll, ranks: 2, bytes: 1024, microseconds: 18.4),
                Calibration.Exchange(
                    collective: .allToAll, ranks: 2, bytes: 1_048_576, microseconds: 33),
            ])
    }

    @Test("a log of Megatron-LM gives the steps, with tokens from batch and sequence length")
    func readsMegatron() throws {
        let found = try read("megatron.txt")
        let run = try #require(found.run)
        #expect(run.kind == .megatron)
        #expect(run.worldSize == 16)
        #expect(run.steps.map(\.number) == [1, 2, 3])
        #expect(run.steps[1].seconds == 8)
        #expect(run.steps[1].tokensPerSecond == 131_072)
        #expect(run.steps[1].teraFLOPsPerGPU == 400)
        #expect(run.steps[1].loss == 11.8)
        #expect(run.steps[1].memoryPeakBytes == 52_429_324_288)
        #expect(found.calibration.sources[0].skipped == "1 step lines without number or time")
        #expect(
            found.calibration.sources[0].used == "3 steps, median 8.1 s, 395.1 TFLOP/s per GPU; "
                + "whole steps, which tell no kernels or collectives apart")
    }

    @Test("a log of torchtitan gives the steps of one rank, with times from its clock")
    func readsTorchTitan() throws {
        let run = try #require(try read("torchtitan.txt").run)
        #expect(run.kind == .torchTitan)
        #expect(run.worldSize == 8)
        #expect(run.steps.map(\.number) == [1, 2, 10])
        #expect(run.steps.map(\.seconds) == [nil, 2, 1])
        #expect(run.steps[2].tokensPerSecondPerGPU == 16_384)
        #expect(run.steps[2].tokensPerSecond == 131_072)
        #expect(run.steps[2].teraFLOPsPerGPU == 800.5)
        #expect(run.steps[2].memoryPeakBytes == 45_634_027_520)
    }

    @Test("a trace gives products, attention and collectives by shape, joined by external ids")
    func readsTrace() throws {
        let found = try read("kineto.json")
        #expect(
            found.calibration.products == [
                Calibration.Product(
                    m: 4096, n: 8192, k: 2048, type: .bf16, microseconds: 210.5)
            ])
        #expect(
            found.calibration.attention == [
                Calibration.Attention(
                    sequences: 2, length: 4096, heads: 16, headDim: 128, pass: .forward,
                    type: .bf16, microseconds: 700)
            ])
        #expect(
            found.calibration.collectives == [
                Calibration.Exchange(
                    collective: .allReduce, ranks: 8, bytes: 2_097_152, microseconds: 60),
                Calibration.Exchange(
                    collective: .allGather, ranks: 8, bytes: 32_768, microseconds: 40),
            ])
        #expect(found.run?.steps.map(\.seconds) == [0.25])
        #expect(
            found.calibration.sources[0].skipped
                == "1 kernels of NCCL without collective, sizes or group; "
                + "1 operators without usable shapes")
    }

    @Test("a file of no known kind is refused with the kinds that are known")
    func refusesOthers() {
        #expect(
            message("hello\n", "notes.txt") == """
                notes.txt: error: the file is no log that Apus knows  [log-format]
                  expected: a table of nccl-tests (`busbw`), a log of Megatron-LM (`elapsed time \
                per iteration (ms)`) or torchtitan (`step:` with `tps:`), or a trace of PyTorch's \
                profiler in JSON (`traceEvents`)
                """)
    }

    @Test("rows that say not how many ranks took part are refused with their count")
    func refusesUnknownRanks() {
        let text =
            "# size count type redop root time algbw busbw #wrong\n8 2 float sum -1 9 0 0 0\n"
        #expect(
            message(text, "all_reduce_perf.txt") == """
                all_reduce_perf.txt:1: error: no row of nccl-tests can be used  [log-format]
                  skipped: 1 rows without at least two ranks above them
                  expected: rows with size, count, type and time below the column names, lines \
                such as `#  Rank  0 … on host device  0`, and the program's name \
                (`all_reduce_perf`) in the output or in the file's name
                """)
    }

    @Test("a trace that was cut off is refused with line and column")
    func refusesCutTrace() {
        #expect(
            message("{ \"traceEvents\": [\n { \"name\": \"a\"", "t.json") == """
                t.json:2:15: error: the trace is no JSON from here on  [log-format]
                  expected: `,` or `}`
                  hint: a trace that ends early was cut off while it was written
                """)
    }

    @Test(
        "hostile files are refused at once, without a trap",
        arguments: [
            String(repeating: "[", count: 1_000_000),
            String(repeating: "{\"a\":", count: 300_000),
            "{\"traceEvents\": [{\"dur\": 1e999, \"cat\": \"kernel\", \"args\": "
                + "{\"External id\": 1e300}}]}",
            "{\"traceEvents\": [{\"cat\": \"kernel\", \"name\": \"nccl\", \"dur\": 5, "
                + "\"args\": "
                + "{\"Collective name\": \"allreduce\", \"In msg nelems\": 1e15, "
                + "\"dtype\": \"Float\"}}]}",
            "{\"traceEvents\": \"\\", "{\"traceEvents\": [1 2]}", "[", "{", "[}",
            "busbw" + String(repeating: " 99999999999999999999", count: 100_000),
            "# Rank 9223372036854775807 busbw time\n9223372036854775807 1 1e400\n",
            "elapsed time per iteration (ms): 1e400 iteration 99999999999999999999\n",
            "step: 1 tps: -1\n", String(repeating: "step: tps:", count: 200_000),
            "step: 1 tps: 5 2026-99-99 99:99:99 0000-00-00 1:1:1\n step: 0 tps: 1\n",
        ])
    func bearsHostileFiles(text: String) {
        let start = ContinuousClock.now
        _ = try? readLog(bytes: Array(text.utf8), file: "x")
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test(
        "random damage to each fixture never traps",
        arguments: [
            "nccl-all-reduce.txt", "megatron.txt", "torchtitan.txt", "kineto.json",
        ])
    func bearsDamage(name: String) throws {
        let url = Repository.root.appending(path: "Tests/Fixtures/logs/\(name)")
        let whole = Array(try Data(contentsOf: url))
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            var bytes = whole
            for _ in 0..<8 {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(
                    truncatingIfNeeded: generator.next())
            }
            _ = try? readLog(bytes: bytes, file: name)
        }
    }

    private func message(_ text: String, _ file: String) -> String {
        do {
            _ = try readLog(bytes: Array(text.utf8), file: file)
            return "no error"
        } catch {
            return error.diagnostics.map(\.description).joined(separator: "\n")
        }
    }
}
