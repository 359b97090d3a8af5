import ApusTestSupport
import Foundation
import Testing

@Suite(
    "apus train when something dies", .serialized, .enabled(if: TrainingRun.hasEngine),
    .timeLimit(.minutes(2)))
struct TrainFaultTests {
    @Test("Ctrl-C ends the run after a step with status 130 and leaves nothing")
    func interrupts() throws {
        let run = try TrainingRun()
        let process = try run.startEndless()
        let sockets = listeningSockets(of: process.alive)
        process.send(SIGINT)
        let outcome = try process.end(within: 10)
        #expect(outcome.status == 130, "\(outcome.transcript)")
        #expect(outcome.errors.hasSuffix("interrupted: all ranks have ended\n"))
        try expectNothingLeft(of: process, sockets, run)
        let steps = try run.log("endless.jsonl").compactMap { $0["step"] as? Int }
        #expect(steps == Array(1...steps.count))
    }

    @Test("Ctrl-C while the ranks still start ends the run as well")
    func interruptsStart() throws {
        let run = try TrainingRun()
        let process = try run.start("--steps", "1000000")
        #expect(waits(upTo: 20) { process.started.count == 4 || process.hasEnded })
        process.send(SIGINT)
        let outcome = try process.end(within: 20)
        #expect(outcome.status == 130, "\(outcome.transcript)")
        try expectNothingLeft(of: process, [], run)
    }

    @Test(
        "`kill -9` of a rank ends the run within 5 seconds and names the rank", arguments: [0, 3])
    func namesKilledRank(rank: Int) throws {
        let run = try TrainingRun()
        let process = try run.startEndless()
        let sockets = listeningSockets(of: process.alive)
        #expect(!sockets.isEmpty)
        let victim = try #require(process.started.first { isRank(rank, $0) })
        kill(victim, SIGKILL)
        let killed = Date()
        let outcome = try process.end(within: 5)
        #expect(Date().timeIntervalSince(killed) < 5)
        #expect(outcome.status == 1)
        let host = ProcessInfo.processInfo.hostName
        let place = "stage \(rank / 2), data \(rank % 2), expert \(rank % 2)"
        let text = outcome.errors
            .replacing(/at step \d+, training, \d+\.\d s/, with: "at step N, training, T s")
        #expect(
            text == """
                error: rank \(rank) (\(place); host `\(host)`, pid \(victim)) was killed by \
                signal 9 (SIGKILL)  [rank-failed]
                  last heard of at step N, training, T s before its end
                  3 other ranks stopped because of it
                  hint: Apus did not send it: it was the kernel's out-of-memory killer or `kill -9`

                """)
        try expectNothingLeft(of: process, sockets, run)
    }

    @Test("a rank that is stopped is not waited for beyond the time limit")
    func endsWithoutStoppedRank() throws {
        let run = try TrainingRun()
        let process = try run.start(
            "--steps", "1000000", "--timeout", "3", "--log", run.path("endless.jsonl"))
        #expect(
            waits(upTo: 30) { (try? run.folder.text("endless.jsonl"))?.isEmpty == false })
        let victim = try #require(process.started.first { isRank(2, $0) })
        kill(victim, SIGSTOP)
        let outcome = try process.end(within: 30)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("error: rank 2 (stage 1, data 0, expert 0; "))
        #expect(outcome.errors.contains(" did not answer while all others waited for it"))
        try expectNothingLeft(of: process, [], run)
    }

    @Test(
        "a rank that is killed at any moment, while it starts too, ends the run within 5 seconds",
        .slow, arguments: 0..<40)
    func endsAtAnyMoment(moment: Int) throws {
        let run = try TrainingRun()
        let process = try run.start("--steps", "1000000", "--quiet")
        var victim: Int32?
        let isFound = waits(upTo: 10) {
            victim = process.started.first { isRank(moment % 4, $0) }
            return victim != nil
        }
        try #require(isFound)
        usleep(UInt32(moment) * 50_000)
        kill(try #require(victim), SIGKILL)
        let outcome = try process.end(within: 5)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("error: rank \(moment % 4) (stage"))
        #expect(outcome.errors.contains(", pid \(try #require(victim))) was killed by signal 9"))
        try expectNothingLeft(of: process, [], run)
    }

    @Test("`kill -9` of the launcher leaves no rank alive after 5 seconds")
    func endsWithLauncher() throws {
        let run = try TrainingRun()
        let process = try run.startEndless()
        let sockets = listeningSockets(of: process.alive)
        #expect(process.started.count == 4)
        process.send(SIGKILL)
        #expect(waits(upTo: 5) { process.alive.isEmpty })
        #expect(try process.end(within: 5).status == 128 + SIGKILL)
        try expectNothingLeft(of: process, sockets, run)
    }

    private func isRank(_ rank: Int, _ pid: Int32) -> Bool {
        liveProcesses(withVariable: "APUS_RANK=\(rank)").contains(pid)
    }

    /// No process, no listening socket and no temporary file.
    private func expectNothingLeft(
        of process: ApusProcess, _ sockets: Set<String>, _ run: TrainingRun,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(process.alive.isEmpty, sourceLocation: sourceLocation)
        // A process that is ending gives up its memory, and with it its name, before its sockets.
        let isClosed = waits(upTo: 2) { sockets.isDisjoint(with: allListeningSockets()) }
        #expect(isClosed, sourceLocation: sourceLocation)
        let files = try FileManager.default.contentsOfDirectory(atPath: run.path("tmp"))
        #expect(files.isEmpty, sourceLocation: sourceLocation)
    }
}
