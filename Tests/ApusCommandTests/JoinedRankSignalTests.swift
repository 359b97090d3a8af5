import ApusTestSupport
import Foundation
import Testing

@Suite(
    "signals to ranks that nobody supervises", .serialized, .enabled(if: TrainingRun.hasEngine),
    .timeLimit(.minutes(2)))
struct JoinedRankSignalTests {
    @Test(
        "a rank that waits for the others to join ends at the first signal",
        arguments: [SIGINT, SIGTERM])
    func endsWhileJoining(signal: Int32) throws {
        let run = try TrainingRun()
        let rank = try JoinedRanks.startFirst(run, port: try freePort())
        // Rank 0 serves the store as soon as it is there, and then waits for rank 1.
        #expect(waits(upTo: 20) { !listeningSockets(of: rank.alive).isEmpty || rank.hasEnded })
        rank.send(signal)
        let sent = Date()
        let outcome = try rank.end(within: 5)
        #expect(outcome.status == 128 + signal, "\(outcome.transcript)")
        #expect(Date().timeIntervalSince(sent) < 2)
    }

    @Test("a rank that waits for a stopped one keeps the first signal and ends at the second")
    func endsAtSecond() throws {
        let run = try TrainingRun()
        let ranks = try JoinedRanks.start(run, port: try freePort()) { _ in
            ["--steps", "1000000", "--quiet", "--log", run.path("joined.jsonl")]
        }.ranks
        let trains = waits(upTo: 30) {
            (try? run.folder.text("joined.jsonl"))?.isEmpty == false || ranks[0].hasEnded
        }
        try #require(trains && !ranks[0].hasEnded)
        ranks[3].send(SIGSTOP)
        let steps = try run.log("joined.jsonl").count
        usleep(300_000)
        ranks[0].send(SIGINT)
        usleep(300_000)
        #expect(!ranks[0].hasEnded)
        // The others may have finished the step that ran when rank 3 was stopped.
        #expect(try run.log("joined.jsonl").count <= steps + 1)
        ranks[0].send(SIGINT)
        #expect(try ranks[0].end(within: 5).status == 128 + SIGINT)
    }
}
