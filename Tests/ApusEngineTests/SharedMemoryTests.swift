import Foundation
import Testing

@testable import ApusEngine

@Suite(
    "Groups in shared memory", .enabled(if: EngineUnderTest.isAvailable), .timeLimit(.minutes(2)))
struct SharedMemoryTests {
    let engine: Engine
    let store: Store

    init() throws {
        engine = try EngineUnderTest.open()
        store = try Store.inProcess(engine, timeoutSeconds: 20)
    }

    @Test("ranks that disagree on what they exchange are told, and how")
    func findsDisagreements() throws {
        let errors = try onRanks(2) { [engine, store] rank in
            var errors: [String] = []
            func attempt(
                _ name: String, _ body: (borrowing ProcessGroup) throws(EngineError) -> Void
            ) throws {
                let group = try ProcessGroup(
                    engine, store, prefix: name, rank: rank, size: 2, timeoutSeconds: 5)
                do throws(EngineError) {
                    try body(group)
                    errors.append("no error")
                } catch { errors.append(error.description) }
            }
            let two = try engine.zeros([2])
            let three = try engine.zeros([3])
            try attempt("size") { group throws(EngineError) in
                if rank == 0 {
                    try group.allReduce(two).wait()
                } else {
                    try group.allReduce(three).wait()
                }
            }
            try attempt("kind") { group throws(EngineError) in
                if rank == 0 {
                    try group.allReduce(two).wait()
                } else {
                    try group.broadcast(two, root: 0).wait()
                }
            }
            try attempt("splits") { group throws(EngineError) in
                try group.allToAll(
                    output: two, input: two, outputSplits: rank == 0 ? [1, 1] : [2, 0],
                    inputSplits: [1, 1]
                ).wait()
            }
            return errors
        }
        #expect(
            errors == [
                [
                    "all-reduce: rank 1 of the group sent 12 bytes of Float where 8 of Float are "
                        + "expected",
                    "all-reduce: rank 1 of the group came with a broadcast where this one has "
                        + "an all-reduce",
                    "no error",
                ],
                [
                    "all-reduce: rank 0 of the group sent 8 bytes of Float where 12 of Float are "
                        + "expected",
                    "broadcast: rank 0 of the group came with an all-reduce where this one has "
                        + "a broadcast",
                    "all-to-all: rank 0 of the group sent 4 bytes of Float where 8 of Float are "
                        + "expected",
                ],
            ])
    }

    @Test("much is on its way at a time, of all sizes, and arrives whole")
    func carriesMuch() throws {
        let load = Load(engine: engine, sizes: (0..<40).map { 1 + ($0 * 7919) % 30_000 })
        let wrong = try onGroups(3, engine, store) { rank, group in
            try (0..<30).map { try load.wrong(group, rank: rank, round: $0) }.reduce(0, +)
        }
        #expect(wrong == [0, 0, 0])
    }

    @Test("sums are to the bit the same on all ranks, however the order of arrival")
    func sumsInOrder() throws {
        let numbers: @Sendable (Int) -> [Float] = { rank in
            (0..<5000).map { 1 / Float(1 + $0 * 3 + rank * 7) }
        }
        let sums = try onGroups(4, engine, store) { [engine] rank, group in
            Thread.sleep(forTimeInterval: 0.01 * Double((rank * 3) % 4))
            let tensor = try engine.tensor(numbers(rank), shape: [5000])
            try group.allReduce(tensor).wait()
            return try tensor.floats()
        }
        let expected = (0..<5000).map { index in
            (0..<4).reduce(Float(0)) { $0 + numbers($1)[index] }
        }
        #expect(sums == [[Float]](repeating: expected, count: 4))
    }
}

/// Sums and messages round a ring of three ranks.
private struct Load: Sendable {
    let engine: Engine
    let sizes: [Int]

    /// Starts all from `index` on, waits for the last one first, and counts what came out wrong.
    func wrong(
        _ group: borrowing ProcessGroup, rank: Int, round: Int, from index: Int = 0
    ) throws -> Int {
        guard index < sizes.count else { return 0 }
        let sum = try engine.zeros([sizes[index]])
        try sum.fill(Double(rank + round))
        let leaving = try sum.clone()
        let arriving = try engine.zeros([sizes[index]])
        let adding = try group.allReduce(sum)
        let sending = try group.send(leaving, to: (rank + 1) % 3, tag: index)
        var wrong = try wrong(group, rank: rank, round: round, from: index + 1)
        try adding.wait()
        try sending.wait()
        try group.receive(into: arriving, from: (rank + 2) % 3, tag: index).wait()
        let expected = Float((rank + 2) % 3 + round)
        wrong += Set(try sum.floats()) == [Float(3 + 3 * round)] ? 0 : 1
        wrong += Set(try arriving.floats()) == [expected] ? 0 : 1
        return wrong
    }
}
