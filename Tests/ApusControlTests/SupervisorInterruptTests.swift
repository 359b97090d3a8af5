import ApusBase
import ApusControl
import ApusSystem
import Testing

@Suite("supervisor and interrupts") struct SupervisorInterruptTests {
    @Test("the first interrupt asks the ranks to stop, and the outcome is interrupted")
    func interrupts() {
        var supervisor = Supervisor(members(2))
        let actions = run(
            &supervisor,
            [
                (1, .interrupted(.interrupt)), (2, exited(0, .exited(0))),
                (3, exited(1, .signaled(15))),
            ])
        #expect(
            actions == [
                .say("SIGINT: asked 2 ranks to stop after this step; once more ends them at once"),
                .stop(Rank(0)), .stop(Rank(1)), .finish(.interrupted(.interrupt)),
            ])
    }

    @Test("a second interrupt, or five seconds, kills who is left", arguments: [true, false])
    func interruptsTwice(again: Bool) {
        var supervisor = Supervisor(members(2))
        var events: [(Double, Supervisor.Event)] = [
            (1, .interrupted(.terminate)), (2, exited(0, .exited(130))),
        ]
        if again { events.append((2.5, .interrupted(.interrupt))) }
        events.append((again ? 2.6 : 6.5, exited(1, .signaled(9))))
        let actions = run(&supervisor, events)
        #expect(Array(actions.suffix(2)) == [.kill(Rank(1)), .finish(.interrupted(.terminate))])
        #expect(actions.count == 5)
    }

    @Test("a rank that breaks while stopping shortens the wait for the others")
    func shortensStop() {
        var supervisor = Supervisor(members(2))
        _ = run(&supervisor, [(1, .interrupted(.interrupt)), (1.5, exited(0, .signaled(11)))])
        #expect(supervisor.deadline == 3.5)
    }

    @Test("an interrupt while the culprit is looked for ends the rest without asking")
    func interruptsWhileCollecting() {
        var supervisor = Supervisor(members(3))
        let actions = run(
            &supervisor,
            [
                (1, exited(0, .exited(1), "Connection reset by peer")),
                (1.1, .interrupted(.interrupt)), (1.2, exited(1, .signaled(9))),
                (1.6, exited(2, .signaled(9))),
            ])
        #expect(actions.dropLast() == [.kill(Rank(2))])
        #expect(message(actions)?.hasPrefix("error: rank 1 ") == true)
    }
}
