package import ApusBase
package import ApusSystem

/// What happens to the ranks of one host, as a pure state machine.
///
/// It is fed with what happened and the time, and says what to do. So the same code runs in a job
/// and in a simulation with thousands of made-up histories.
///
/// A rank that dies takes the others with it: they see their connections reset, at once or, in a
/// ring, only after the whole timeout. So the first that exits is often a victim. The supervisor
/// collects for a short while, ends the rest, and only then says whose fault it was.
package struct Supervisor: Sendable {
    /// A rank as it is named in messages.
    package struct Member: Hashable, Sendable {
        package var rank: Rank
        /// Where the rank stands in the layout, such as `stage 1, data 2, expert 2`.
        package var place: String
        package var host: String
        package var pid: Int32

        package init(rank: Rank, place: String, host: String, pid: Int32) {
            self.rank = rank
            self.place = place
            self.host = host
            self.pid = pid
        }
    }

    /// How long the supervisor waits, in seconds; together less than five.
    package struct Limits: Hashable, Sendable {
        /// From the first abnormal exit to the first signal, while others may still exit.
        package var grace = 0.5
        /// From asking a rank to stop after a failure to killing it.
        package var stop = 2.0
        /// From asking a rank to stop after an interrupt, so that it may finish its step, to
        /// killing it.
        package var interrupt = 5.0
        /// From killing a rank to giving it up, since the system cannot end it.
        package var kill = 2.0

        package init() {}
    }

    package enum Event: Hashable, Sendable {
        case exited(Rank, ProcessExit, lastWords: String?)
        case reported(Rank, RankReport)
        case interrupted(Signal)
        case tick
    }

    package enum Action: Hashable, Sendable {
        /// Ask the rank to stop: SIGTERM.
        case stop(Rank)
        /// End the rank at once: SIGKILL.
        case kill(Rank)
        /// Tell the user.
        case say(String)
        /// The job is over; nothing follows.
        case finish(Outcome)
    }

    package enum Outcome: Hashable, Sendable {
        case success
        case failed(culprit: Rank, Diagnostic)
        case interrupted(Signal)
    }

    private enum Phase: Hashable {
        case running
        /// A rank has failed at `since`; others may show who is to blame.
        case collecting(since: Double)
        /// Every rank was asked to stop at `since`.
        case stopping(since: Double, limit: Double)
        /// Every rank was killed at `since`.
        case killing(since: Double)
        case finished
    }

    private let limits: Limits
    private var phase = Phase.running
    private var interruption: Signal?
    private var hasFailed = false
    /// Whether an interrupt came while the culprit was looked for.
    private var isImpatient = false
    private var records: [RankRecord]

    package init(_ members: [Member], limits: Limits = Limits()) {
        precondition(!members.isEmpty, "ranks to look after")
        self.limits = limits
        records = members.sorted { $0.rank < $1.rank }.map { RankRecord(member: $0) }
    }

    /// When the supervisor wants a tick, if nothing else happens before.
    package var deadline: Double? {
        switch phase {
        case .running, .finished: nil
        case .collecting(let since): since + limits.grace
        case .stopping(let since, let limit): since + limit
        case .killing(let since): since + limits.kill
        }
    }

    /// Takes note of an event and says what is to be done now, in order.
    package mutating func step(_ event: Event, now: Double) -> [Action] {
        guard phase != .finished else { return [] }
        var actions: [Action] = []
        switch event {
        case .exited(let rank, let exit, let lastWords):
            if let index = records.firstIndex(where: { $0.member.rank == rank }) {
                records[index].noteEnd(exit, lastWords: lastWords, now: now)
                noteTrouble(of: index, now: now)
            }
        case .reported(let rank, let report):
            if let index = records.firstIndex(where: { $0.member.rank == rank }) {
                records[index].note(report, now: now)
                noteTrouble(of: index, now: now)
            }
        case .interrupted(let signal):
            actions += interrupt(signal, now: now)
        case .tick: break
        }
        if records.allSatisfy({ $0.end != nil }) { return actions + [finish(now: now)] }
        guard let deadline, now >= deadline else { return actions }
        switch phase {
        case .collecting:
            return actions
                + (isImpatient ? killAll(now: now) : stopAll(limit: limits.stop, now: now))
        case .stopping: return actions + killAll(now: now)
        case .killing: return actions + giveUp(now: now)
        case .running, .finished: return actions
        }
    }

    /// Begins to wind up when a rank has failed; it may have said so and yet not have ended.
    private mutating func noteTrouble(of index: Int, now: Double) {
        guard records[index].blame != nil else { return }
        switch phase {
        case .running:
            hasFailed = true
            phase = .collecting(since: now)
        case .stopping(let since, let limit) where interruption != nil:
            // The others wait for one that is gone: they cannot finish their step.
            let end = min(since + limit, now + limits.stop)
            phase = .stopping(since: since, limit: end - since)
        case .collecting, .stopping, .killing, .finished: break
        }
    }

    private mutating func interrupt(_ signal: Signal, now: Double) -> [Action] {
        switch phase {
        case .running:
            interruption = signal
            let running = records.count { $0.end == nil }
            let text =
                "\(signal.name): asked \(counted(running, "rank")) to stop after this step; "
                + "once more ends them at once"
            return [.say(text)] + stopAll(limit: limits.interrupt, now: now)
        case .collecting:
            // The moment that it takes to find the culprit is worth it.
            isImpatient = true
            return []
        case .stopping: return killAll(now: now)
        case .killing, .finished: return []
        }
    }

    private mutating func stopAll(limit: Double, now: Double) -> [Action] {
        phase = .stopping(since: now, limit: limit)
        return records.indices.filter { records[$0].end == nil }.map { index in
            records[index].wasStopped = true
            return .stop(records[index].member.rank)
        }
    }

    private mutating func killAll(now: Double) -> [Action] {
        phase = .killing(since: now)
        return records.indices.filter { records[$0].end == nil }.map { index in
            records[index].wasKilled = true
            return .kill(records[index].member.rank)
        }
    }

    private mutating func giveUp(now: Double) -> [Action] {
        let left = records.filter { $0.end == nil }
        let pids = left.map { "\($0.member.pid)" }.joined(separator: ", ")
        return [.say("the system does not end process \(pids)"), finish(now: now)]
    }

    private mutating func finish(now: Double) -> Action {
        phase = .finished
        if hasFailed, let (rank, diagnostic) = verdict(on: records, now: now) {
            return .finish(.failed(culprit: rank, diagnostic))
        }
        if let interruption { return .finish(.interrupted(interruption)) }
        return .finish(.success)
    }
}
