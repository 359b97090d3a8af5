import ApusBase
import ApusControl
import ApusSystem

func members(_ count: Int) -> [Supervisor.Member] {
    (0..<count).map {
        .init(rank: Rank($0), place: "stage \($0)", host: "a", pid: Int32(100 + $0))
    }
}

/// Feeds ticks until the supervisor waits for an exit or has finished.
func run(
    _ supervisor: inout Supervisor, _ events: [(Double, Supervisor.Event)]
) -> [Supervisor.Action] {
    var actions: [Supervisor.Action] = []
    for (time, event) in events {
        while let deadline = supervisor.deadline, deadline < time {
            actions += supervisor.step(.tick, now: deadline)
        }
        actions += supervisor.step(event, now: time)
    }
    return actions
}

func exited(_ rank: Int, _ exit: ProcessExit, _ words: String? = nil) -> Supervisor.Event {
    .exited(Rank(rank), exit, lastWords: words)
}

func message(_ actions: [Supervisor.Action]) -> String? {
    guard case .finish(.failed(_, let diagnostic)) = actions.last else { return nil }
    return diagnostic.description
}
