import ApusBase
import Foundation
import Testing

@testable import ApusEngine

@Suite("Process groups", .enabled(if: EngineUnderTest.isAvailable), .timeLimit(.minutes(2)))
struct ProcessGroupTests {
    let engine: Engine
    let store: Store

    init() throws {
        engine = try EngineUnderTest.open()
        store = try Store.inProcess(engine, timeoutSeconds: 20)
    }

    private func onGroups<Result: Sendable>(
        _ size: Int, _ body: @escaping @Sendable (Int, borrowing ProcessGroup) throws -> Result
    ) throws -> [Result] {
        try ApusEngineTests.onGroups(size, engine, store, body)
    }

    @Test("an all-reduce adds up over the ranks, in every number type", arguments: [1, 4])
    func reduces(size: Int) throws {
        let sums = try onGroups(size) { [engine] rank, group in
            let floats = try engine.tensor([Float(rank), 1, Float(-rank)], shape: [3])
            let integers = try engine.tensor([Int64(rank)], shape: [1])
            let first = try group.allReduce(floats)
            let second = try group.allReduce(integers)
            try first.wait()
            try second.wait()
            return try floats.doubles() + integers.doubles()
        }
        let total = Double(size * (size - 1) / 2)
        #expect(sums == [[Double]](repeating: [total, Double(size), -total, total], count: size))
    }

    @Test("an all-to-all delivers uneven and empty parts in rank order")
    func exchanges() throws {
        // Rank a sends (a + 2 b) % 3 rows to rank b.
        let rows: @Sendable (Int, Int) -> Int = { from, to in (from + 2 * to) % 3 }
        let received = try onGroups(4) { [engine] rank, group in
            let outgoing = (0..<4).map { rows(rank, $0) }
            let incoming = (0..<4).map { rows($0, rank) }
            let values = (0..<4).flatMap { peer in
                (0..<rows(rank, peer)).flatMap { [Float(rank), Float(peer * 10 + $0)] }
            }
            let input = try engine.tensor(values, shape: [outgoing.reduce(0, +), 2])
            let output = try engine.zeros([incoming.reduce(0, +), 2])
            try group.allToAll(
                output: output, input: input, outputSplits: incoming, inputSplits: outgoing
            ).wait()
            return try output.floats()
        }
        for rank in 0..<4 {
            let expected = (0..<4).flatMap { peer in
                (0..<rows(peer, rank)).flatMap { [Float(peer), Float(rank * 10 + $0)] }
            }
            #expect(received[rank] == expected)
        }
    }

    @Test("an all-to-all without any rows comes back")
    func exchangesNothing() throws {
        let shapes = try onGroups(2) { [engine] _, group in
            let input = try engine.zeros([0, 3])
            let output = try engine.zeros([0, 3])
            try group.allToAll(
                output: output, input: input, outputSplits: [0, 0], inputSplits: [0, 0]
            ).wait()
            return output.shape
        }
        #expect(shapes == [[0, 3], [0, 3]])
    }

    @Test("messages go round a ring, and tags keep them apart")
    func sendsAndReceives() throws {
        let received = try onGroups(4) { [engine] rank, group in
            let (next, previous) = ((rank + 1) % 4, (rank + 3) % 4)
            let first = try engine.tensor([Float(rank)], shape: [1])
            let second = try engine.tensor([Float(rank + 100)], shape: [1])
            let early = try engine.zeros([1])
            let late = try engine.zeros([1])
            let sending = try group.send(first, to: next, tag: 1)
            let sendingMore = try group.send(second, to: next, tag: 2)
            let receiving = try group.receive(into: late, from: previous, tag: 2)
            let receivingMore = try group.receive(into: early, from: previous, tag: 1)
            try receiving.wait()
            try receivingMore.wait()
            try sending.wait()
            try sendingMore.wait()
            return try early.floats() + late.floats()
        }
        #expect(received == [[3, 103], [0, 100], [1, 101], [2, 102]])
    }

    @Test("a broadcast carries the root's numbers")
    func broadcasts() throws {
        let values = try onGroups(3) { [engine] rank, group in
            let tensor = try engine.tensor([Float(rank)], shape: [1])
            try group.broadcast(tensor, root: 2).wait()
            return try tensor.floats()
        }
        #expect(values == [[2], [2], [2]])
    }

    @Test("what would corrupt silently is refused before it starts")
    func refusesMismatches() throws {
        let messages = try onGroups(2) { [engine] _, group in
            func message(_ body: () throws(EngineError) -> Void) -> String {
                do throws(EngineError) { try body() } catch { return error.description }
                return "no error"
            }
            let rows = try engine.zeros([4, 2])
            let wide = try engine.zeros([4, 3])
            return [
                message { () throws(EngineError) in
                    _ = try group.allToAll(
                        output: rows, input: rows, outputSplits: [2, 2], inputSplits: [2, 1])
                },
                message { () throws(EngineError) in
                    _ = try group.allToAll(
                        output: rows, input: wide, outputSplits: [2, 2], inputSplits: [2, 2])
                },
                message { () throws(EngineError) in
                    _ = try group.allToAll(
                        output: rows, input: rows, outputSplits: [4], inputSplits: [4])
                },
                message { () throws(EngineError) in
                    _ = try group.allToAll(
                        output: rows, input: rows, outputSplits: [5, -1], inputSplits: [2, 2])
                },
                message { () throws(EngineError) in
                    _ = try group.allReduce(try rows.transposed(0, 1))
                },
            ]
        }
        let expected = [
            "all-to-all: input splits add up to 3, the tensor is [4, 2]",
            "all-to-all: rows of [4, 3] Float cannot arrive in [4, 2] Float",
            "all-to-all: 1 splits for a group of 2",
            "all-to-all: an output split of -1",
            "all-reduce: a tensor of [2, 4] must be contiguous to be communicated",
        ]
        #expect(messages == [expected, expected])
    }

    @Test("a rank that does not come is an error within the timeout")
    func limitsWaiting() throws {
        let errors = try onRanks(2) { [engine, store] rank in
            let group = try ProcessGroup(
                engine, store, prefix: "lonely", rank: rank, size: 2, timeoutSeconds: 1)
            guard rank == 0 else {
                // Stay connected, so that only the limit can end the other's wait.
                Thread.sleep(forTimeInterval: 2.5)
                return ""
            }
            let tensor = try engine.zeros([1])
            do throws(EngineError) { try group.allReduce(tensor).wait() } catch {
                return error.description
            }
            return "no error"
        }
        #expect(errors[0].hasPrefix("all-reduce: "))
        #expect(!errors[0].contains("\n"))
    }

    @Test("a thread of the library that ends in an exception ends the process with status 86")
    func endsWithLastWords() async {
        // More rows arrive than were expected, which Gloo finds out on a thread of its own.
        let result = await #expect(
            processExitsWith: .exitCode(Engine.crashStatus), observing: [\.standardErrorContent]
        ) {
            setenv("APUS_TRANSPORT", "gloo", 1)
            let engine = try EngineUnderTest.open()
            let store = try Store.inProcess(engine, timeoutSeconds: 20)
            _ = try onRanks(2) { rank in
                let group = try ProcessGroup(
                    engine, store, prefix: "torn", rank: rank, size: 2, timeoutSeconds: 5)
                let input = try engine.zeros([rank == 0 ? 5000 : 0, 100])
                let output = try engine.zeros([rank == 0 ? 0 : 1, 100])
                try group.allToAll(
                    output: output, input: input, outputSplits: rank == 0 ? [0, 0] : [1, 0],
                    inputSplits: rank == 0 ? [0, 5000] : [0, 0]
                ).wait()
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        // 5000 × 100 numbers of 4 bytes meet room for 100; the file and line are Gloo's own.
        #expect(
            text.replacing(/fail at [^\]]+\]/, with: "fail at …]") == """
                error: engine: a thread ended by [enforce fail at …] \
                op.preamble.length <= op.nbytes. 2000000 vs 400. Received data size doesn't match \
                expected size. Is there a distributed collective mismatch in your code?\
                  [engine-crash]

                """)
    }

    @Test("a group keeps what it needs when its store goes")
    func outlivesStore() throws {
        let sums = try onRanks(2) { [engine, store] rank in
            let group = try ProcessGroup(
                engine, store, prefix: "again", rank: rank, size: 2, timeoutSeconds: 20)
            let tensor = try engine.tensor([Float(rank + 1)], shape: [1])
            try group.allReduce(tensor).wait()
            try group.barrier()
            return try tensor.floats()
        }
        #expect(sums == [[3], [3]])
    }
}
