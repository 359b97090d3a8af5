import Foundation
import Synchronization
import Testing

@testable import ApusEngine

/// Runs `body` once per rank, each on a thread of its own, and returns what they gave.
///
/// Ranks that have not come back after a minute fail the test instead of holding it up.
func onRanks<Result: Sendable>(
    _ size: Int, _ body: @escaping @Sendable (Int) throws -> Result
) throws -> [Result] {
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let done = DispatchGroup()
    for rank in 0..<size {
        done.enter()
        let collect: @Sendable () -> Void = {
            let result = Swift.Result { try body(rank) }
            results.withLock { $0[rank] = result }
            done.leave()
        }
        Thread(block: collect).start()
    }
    try #require(done.wait(timeout: .now() + 60) == .success, "the ranks hang")
    let collected = results.withLock { $0 }
    return try (0..<size).map { try #require(collected[$0]).get() }
}

/// Runs `body` once per rank of one group.
func onGroups<Result: Sendable>(
    _ size: Int, _ engine: Engine, _ store: Store,
    _ body: @escaping @Sendable (Int, borrowing ProcessGroup) throws -> Result
) throws -> [Result] {
    try onRanks(size) { rank in
        let group = try ProcessGroup(
            engine, store, prefix: "test", rank: rank, size: size, timeoutSeconds: 20)
        let result = try body(rank, group)
        try group.barrier()
        return result
    }
}
