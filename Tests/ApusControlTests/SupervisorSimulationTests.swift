import ApusBase
import ApusControl
import ApusSystem
import Testing

/// A made-up host: ranks that die, fail and fall with each other, in simulated time.
private struct SimulatedHost {
    enum Happening {
        case exit(Int, ProcessExit, String?)
        case failureReport(Int, Bool)
        case interrupt
    }

    var generator: SeededGenerator
    let count: Int
    var queue: [(time: Double, order: Int, what: Happening)] = []
    var alive: Set<Int>
    /// Ranks that a signal from outside killed, and ranks that failed by themselves.
    var killed: Set<Int> = []
    var failed: Set<Int> = []
    var interrupts = 0
    var stops: [Int: Int] = [:]
    var kills: [Int: Int] = [:]
    /// What should have held and did not.
    var violations: [String] = []
    private var pushed = 0

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        count = 1 + Int(generator.next() % 12)
        alive = Set(0..<count)
    }

    mutating func require(_ holds: Bool, _ law: String) {
        if !holds { violations.append(law) }
    }

    mutating func unit() -> Double { generator.nextUnit() }

    mutating func push(_ what: Happening, at time: Double) {
        pushed += 1
        queue.append((time, pushed, what))
    }

    mutating func pop(before limit: Double) -> (time: Double, what: Happening)? {
        guard
            let index = queue.indices.min(by: {
                (queue[$0].time, queue[$0].order) < (queue[$1].time, queue[$1].order)
            }), queue[index].time <= limit
        else { return nil }
        let next = queue.remove(at: index)
        return (next.time, next.what)
    }

    /// Plans the run: some ranks end well, some by signals, some by errors; the others are victims
    /// that see it at once, late, or never.
    mutating func plan() {
        let trouble = unit() < 0.8
        let start = unit() * 10
        for rank in 0..<count {
            let draw = unit()
            if trouble, rank == 0 || draw < 0.15 {
                let time = start + unit() * (unit() < 0.5 ? 0.3 : 0)
                if unit() < 0.6 {
                    killed.insert(rank)
                    push(.exit(rank, .signaled([9, 11, 7][Int(unit() * 3)]), nil), at: time)
                } else {
                    failed.insert(rank)
                    // Who says that it failed may then hang; who says nothing exits.
                    let hangs = unit() < 0.3
                    if hangs || unit() < 0.5 { push(.failureReport(rank, false), at: time) }
                    let delay = hangs ? 100 : unit() * 0.05
                    push(.exit(rank, .exited(1), "bad input"), at: time + delay)
                }
            } else if trouble {
                let delay = unit() < 0.5 ? unit() * 0.1 : 100
                if unit() < 0.5 { push(.failureReport(rank, true), at: start + delay) }
                let words = "Connection reset by peer"
                let exit: ProcessExit = unit() < 0.2 ? .signaled(6) : .exited(1)
                push(.exit(rank, exit, words), at: start + delay)
            } else {
                push(.exit(rank, .exited(0), nil), at: start + unit())
            }
        }
        for _ in 0..<max(0, Int(unit() * 6) - 3) { push(.interrupt, at: start + unit() * 3 - 1) }
    }

    /// Does what the supervisor asks for.
    mutating func obey(_ action: Supervisor.Action, now: Double) {
        switch action {
        case .stop(let rank):
            stops[rank.index, default: 0] += 1
            require(alive.contains(rank.index), "only the living are asked to stop")
            // A handler that waits for a dead peer never returns.
            if unit() < 0.6 {
                let exits: [ProcessExit] = [.signaled(15), .exited(143), .exited(0)]
                push(.exit(rank.index, exits[Int(unit() * 3)], nil), at: now + unit() * 3)
            }
        case .kill(let rank):
            kills[rank.index, default: 0] += 1
            require(alive.contains(rank.index), "only the living are killed")
            push(.exit(rank.index, .signaled(9), nil), at: now + unit() * 0.05)
        case .say, .finish: break
        }
    }
}

/// Runs one made-up history and returns what did not hold of what must hold in all of them.
private func violations(seed: UInt64) -> [String] {
    var host = SimulatedHost(seed: seed)
    host.plan()
    var supervisor = Supervisor(
        (0..<host.count).map { .init(rank: Rank($0), place: "", host: "a", pid: Int32($0 + 2)) })
    var now = 0.0
    var outcome: Supervisor.Outcome?
    var died: Set<Int> = []
    var trouble: Double?
    for _ in 0..<10_000 where outcome == nil {
        let event: Supervisor.Event
        if let next = host.pop(before: supervisor.deadline ?? .infinity) {
            now = max(now, next.time)
            switch next.what {
            case .exit(let rank, let exit, let words):
                guard host.alive.remove(rank) != nil else { continue }
                if host.killed.contains(rank), exit != .signaled(15), host.kills[rank] == nil {
                    died.insert(rank)
                }
                if exit != .exited(0) || host.interrupts > 0 { trouble = trouble ?? now }
                event = .exited(Rank(rank), exit, lastWords: words)
            case .failureReport(let rank, let lost):
                guard host.alive.contains(rank) else { continue }
                event = .reported(Rank(rank), .failure("x", isCommunication: lost))
            case .interrupt:
                host.interrupts += 1
                trouble = trouble ?? now
                event = .interrupted(.interrupt)
            }
        } else if let deadline = supervisor.deadline {
            now = max(now, deadline)
            event = .tick
        } else {
            break
        }
        for action in supervisor.step(event, now: now) {
            host.require(outcome == nil, "nothing follows the finish")
            if case .finish(let result) = action { outcome = result }
            host.obey(action, now: now)
        }
    }
    host.require(host.alive.isEmpty, "nobody is left")
    host.require(host.stops.values.allSatisfy { $0 == 1 }, "nobody is asked to stop twice")
    host.require(host.kills.values.allSatisfy { $0 == 1 }, "nobody is killed twice")
    if let trouble {
        host.require(now - trouble < (host.interrupts > 0 ? 8 : 5), "it ends soon")
    }
    switch outcome {
    case .failed(let culprit, _):
        let early = died.contains { host.stops[$0] == nil }
        host.require(!early || died.contains(culprit.index), "a killed rank is to blame")
        host.require(
            host.killed.contains(culprit.index) || host.failed.contains(culprit.index),
            "no healthy rank is blamed")
    case .success:
        host.require(host.killed.isEmpty && host.failed.isEmpty, "who fails has no success")
        host.require(host.interrupts == 0, "who is interrupted has no success")
    case .interrupted: host.require(host.interrupts > 0, "somebody interrupted")
    case nil: host.require(false, "every history ends")
    }
    return host.violations
}

@Suite("supervisor in simulated histories") struct SupervisorSimulationTests {
    @Test("no healthy rank is blamed, every history ends soon, and no rank is signalled in vain")
    func holdsInEveryHistory() {
        let environment = Host.environment()
        let seed = environment["APUS_SEED"].flatMap { UInt64($0) }
        let count = environment["APUS_SEEDS"].flatMap { UInt64($0) } ?? 1_500
        for seed in seed.map({ $0..<($0 + 1) }) ?? 0..<count {
            let violations = violations(seed: seed)
            #expect(violations.isEmpty, "APUS_SEED=\(seed)")
        }
    }
}
