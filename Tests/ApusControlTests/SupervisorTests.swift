import ApusBase
import ApusControl
import ApusSystem
import Testing

@Suite("supervisor") struct SupervisorTests {
    @Test("a job whose ranks all exit with 0 succeeds, and nobody is signalled")
    func succeeds() {
        var supervisor = Supervisor(members(3))
        let actions = run(
            &supervisor,
            [(1, exited(2, .exited(0))), (4, exited(0, .exited(0))), (9, exited(1, .exited(0)))])
        #expect(actions == [.finish(.success)])
        #expect(supervisor.step(.interrupted(.interrupt), now: 10).isEmpty)
    }

    @Test("a killed rank is the culprit though its victim exits first, and the message says all")
    func namesKilledRank() {
        var supervisor = Supervisor(members(4))
        let victim = "Read error [127.0.0.1]:5: Connection reset by peer"
        let actions = run(
            &supervisor,
            [
                (6.0, .reported(Rank(2), .progress(step: 81, phase: "backward"))),
                (7.5, .reported(Rank(1), .failure(victim, isCommunication: true))),
                (7.5, exited(1, .exited(1))),
                (7.6, exited(2, .signaled(9))),
                (8.1, exited(0, .signaled(15))),
                (8.2, exited(3, .exited(143))),
            ])
        #expect(actions.dropLast() == [.stop(Rank(0)), .stop(Rank(3))])
        #expect(
            message(actions) == """
                error: rank 2 (stage 2; host `a`, pid 102) was killed by signal 9 (SIGKILL)\
                  [rank-failed]
                  last heard of at step 81, backward, 1.6 s before its end
                  3 other ranks stopped because of it
                  hint: Apus did not send it: it was the kernel's out-of-memory killer or \
                `kill -9`
                """)
    }

    @Test("status 137 is a death by signal 9 that a launcher in between has rewritten")
    func readsStatus137() {
        var supervisor = Supervisor(members(1))
        let actions = run(&supervisor, [(1, exited(0, .exited(137)))])
        #expect(
            message(actions) == """
                error: rank 0 (stage 0; host `a`, pid 100) was killed by signal 9 (SIGKILL)\
                  [rank-failed]
                  it ended before its first step
                  hint: Apus did not send it: it was the kernel's out-of-memory killer or \
                `kill -9`
                """)
    }

    @Test("an error of its own comes before a lost peer, with the rank's own words")
    func namesFailedRank() {
        var supervisor = Supervisor(members(2))
        let actions = run(
            &supervisor,
            [
                (1, .reported(Rank(0), .progress(step: 3, phase: "forward"))),
                (2, .reported(Rank(1), .progress(step: 3, phase: "forward"))),
                (
                    3,
                    .reported(Rank(0), .failure("Connection closed by peer", isCommunication: true))
                ),
                (3, .reported(Rank(1), .failure("loss is not finite", isCommunication: false))),
                (3, exited(0, .exited(1))),
                (3.2, exited(1, .exited(1))),
            ])
        #expect(
            message(actions) == """
                error: rank 1 (stage 1; host `a`, pid 101) failed: loss is not finite  [rank-failed]
                  last heard of at step 3, forward, 0.2 s before its end
                  1 other rank stopped because of it
                """)
    }

    @Test("status 86 tells of the engine; without a report the last words are quoted")
    func explainsEngineFailure() {
        var supervisor = Supervisor(members(1))
        let actions = run(&supervisor, [(1, exited(0, .exited(86), "terminate called"))])
        #expect(
            message(actions) == """
                error: rank 0 (stage 0; host `a`, pid 100) exited with status 86  [rank-failed]
                  it ended before its first step
                  its last words: terminate called
                  hint: the engine ended itself: a collective mismatch between ranks, or \
                `std::terminate`
                """)
    }

    @Test("where ranks only lost peers, the first is named and no rank is called dead")
    func namesFirstVictim() {
        var supervisor = Supervisor(members(2))
        let words = "[enforce fail] Connection closed by peer"
        let actions = run(
            &supervisor, [(1, exited(1, .exited(1), words)), (1.1, exited(0, .exited(1), words))])
        #expect(
            message(actions) == """
                error: rank 1 (stage 1; host `a`, pid 101) lost a peer: \(words)  [rank-failed]
                  it ended before its first step
                  1 other rank stopped because of it
                  hint: no rank died: look for a rank of another host, or at the network
                """)
    }

    @Test("when all but one time out, the silent one is the culprit")
    func namesSilentRank() {
        var supervisor = Supervisor(members(3))
        let words = "Timed out waiting 5000ms for recv operation"
        let actions = run(
            &supervisor,
            [
                (10, .reported(Rank(1), .progress(step: 4, phase: "combine"))),
                (15, exited(0, .exited(1), words)), (15.1, exited(2, .exited(1), words)),
                (17.9, exited(1, .signaled(9))),
            ])
        #expect(actions.dropLast() == [.stop(Rank(1)), .kill(Rank(1))])
        #expect(
            message(actions) == """
                error: rank 1 (stage 1; host `a`, pid 101) did not answer while all others \
                waited for it\
                  [rank-failed]
                  last heard of at step 4, combine, 7.9 s before its end
                  2 other ranks stopped because of it
                  hint: it was stopped, cut off or far slower than the others
                """)
    }

    @Test("an abort of the engine in a victim does not hide the rank that failed")
    func doubtsAborts() {
        var supervisor = Supervisor(members(2))
        let actions = run(
            &supervisor,
            [
                (1, exited(0, .signaled(6), "what(): Connection reset by peer")),
                (1.2, exited(1, .exited(2), "out of disk")),
            ])
        #expect(message(actions)?.hasPrefix("error: rank 1 ") == true)
    }

    @Test("a rank that reports an error and never exits is ended, and it is the culprit")
    func endsHangingFailure() {
        var supervisor = Supervisor(members(2))
        let actions = run(
            &supervisor,
            [
                (1, .reported(Rank(0), .failure("disk full", isCommunication: false))),
                (1.1, exited(1, .exited(1), "Connection reset by peer")),
                (4, exited(0, .signaled(9))),
            ])
        #expect(actions.dropLast() == [.stop(Rank(0)), .kill(Rank(0))])
        #expect(message(actions)?.contains("failed: disk full") == true)
    }

    @Test("what the system cannot end is given up, within five seconds")
    func givesUp() {
        var supervisor = Supervisor(members(2))
        let actions = run(&supervisor, [(1, exited(0, .signaled(11))), (6, .tick)])
        #expect(
            actions.dropLast() == [
                .stop(Rank(1)), .kill(Rank(1)), .say("the system does not end process 101"),
            ])
        #expect(message(actions)?.contains("signal 11 (SIGSEGV)") == true)
    }

    @Test("a report line round-trips, and others are not for the supervisor")
    func reportsRoundTrip() {
        let reports: [RankReport] = [
            .progress(step: 81, phase: "all-to-all 5"), .failure("x: y", isCommunication: true),
            .failure("", isCommunication: false),
        ]
        for report in reports { #expect(RankReport(line: report.line) == report) }
        #expect(
            RankReport.failure("a\nb\r\nc", isCommunication: false).line == "apus: failed a b c")
        for line in [
            "", "{}", "apus:", "apus: step", "apus: step x y", "apus: step -1 y", "step 1 f",
        ] {
            #expect(RankReport(line: line) == nil)
        }
    }
}
