package import ApusBase
package import ApusSystem

/// The ranks of one host as processes: starts them, watches them with a ``Supervisor``, and leaves
/// nothing behind.
///
/// Each rank gets a report pipe (its descriptor in `APUS_REPORT_FD`), a pipe that ends when the
/// supervisor dies (`APUS_PARENT_FD`, for ``ParentWatch``) and its place in the job
/// (``Rendezvous``). Rank 0 gets the listening socket of the job's store (`APUS_STORE_FD`), so no
/// port can be lost between choosing and using it. What a rank prints comes to the callbacks line
/// by line; the supervisor never stops reading, so a rank never waits on it.
package struct SupervisedJob {
    /// One rank to start.
    package struct Member {
        package var rank: Rank
        package var localRank: Int
        /// Where the rank stands in the layout, such as `stage 1, data 2, expert 2`.
        package var place: String
        package var program: String
        package var arguments: [String]
        package var environment: [String: String]

        package init(
            rank: Rank, localRank: Int, place: String, program: String, arguments: [String],
            environment: [String: String]
        ) {
            self.rank = rank
            self.localRank = localRank
            self.place = place
            self.program = program
            self.arguments = arguments
            self.environment = environment
        }
    }

    /// What whoever runs the job wants to hear of.
    package struct Callbacks {
        /// A line of the report pipe that is not for the supervisor alone.
        package var onReport: (Rank, String) -> Void
        /// A line that a rank printed.
        package var onOutput: (Rank, String) -> Void
        /// A line for the user.
        package var say: (String) -> Void

        package init(
            onReport: @escaping (Rank, String) -> Void = { _, _ in },
            onOutput: @escaping (Rank, String) -> Void = { _, _ in },
            say: @escaping (String) -> Void = { _ in }
        ) {
            self.onReport = onReport
            self.onOutput = onOutput
            self.say = say
        }
    }

    private let members: [Member]
    private let worldSize: Int
    private let address: String
    private let limits: Supervisor.Limits
    private let signals: SignalWatch?
    private let callbacks: Callbacks

    /// A job whose store listens at `address`; interrupts come from `signals`.
    package init(
        _ members: [Member], address: String = "127.0.0.1", limits: Supervisor.Limits = .init(),
        signals: SignalWatch?, callbacks: Callbacks
    ) {
        self.members = members.sorted { $0.rank < $1.rank }
        worldSize = members.count
        self.address = address
        self.limits = limits
        self.signals = signals
        self.callbacks = callbacks
    }

    /// Runs the job to its end; when it returns or throws, no process of it is left.
    package func run() throws(SystemError) -> Supervisor.Outcome {
        let parent = try Descriptor.pipe()
        var ranks = try startRanks(parent: parent.reading)
        let host = Host.name
        var supervisor = Supervisor(
            ranks.map {
                .init(rank: $0.rank, place: $0.place, host: host, pid: $0.process.pid)
            }, limits: limits)
        while true {
            for event in try nextEvents(of: &ranks, until: supervisor.deadline) {
                for action in supervisor.step(event, now: monotonicSeconds()) {
                    switch action {
                    case .stop(let rank): process(of: rank, in: ranks)?.send(.terminate)
                    case .kill(let rank): process(of: rank, in: ranks)?.send(.kill)
                    case .say(let text): callbacks.say(text)
                    case .finish(let outcome): return withExtendedLifetime(parent) { outcome }
                    }
                }
            }
        }
    }

    private func process(of rank: Rank, in ranks: [RunningRank]) -> ChildProcess? {
        ranks.first { $0.rank == rank }?.process
    }

    private func startRanks(parent: Descriptor) throws(SystemError) -> [RunningRank] {
        let store = try ListeningSocket(address: address)
        var ranks: [RunningRank] = []
        for member in members {
            let report = try Descriptor.pipe()
            let output = try Descriptor.pipe()
            var descriptors: [Int32: Descriptor] = [
                1: output.writing, 2: output.writing, 3: report.writing, 4: parent,
            ]
            var environment = member.environment
            environment["APUS_REPORT_FD"] = "3"
            environment["APUS_PARENT_FD"] = "4"
            if member.rank == Rank(0) {
                descriptors[5] = store.descriptor
                environment["APUS_STORE_FD"] = "5"
            }
            environment["APUS_RANK"] = "\(member.rank)"
            environment["APUS_WORLD_SIZE"] = "\(worldSize)"
            environment["APUS_LOCAL_RANK"] = "\(member.localRank)"
            environment["APUS_LOCAL_WORLD_SIZE"] = "\(members.count)"
            environment["APUS_MASTER_ADDR"] = address
            environment["APUS_MASTER_PORT"] = "\(store.port)"
            let process = try ChildProcess(
                .init(
                    program: member.program, arguments: member.arguments,
                    environment: environment, descriptors: descriptors))
            ranks.append(
                RunningRank(
                    rank: member.rank, place: member.place, process: process,
                    report: report.reading, output: output.reading))
        }
        return ranks
    }

    /// Waits for something to happen and turns it into events; a tick comes last.
    private func nextEvents(
        of ranks: inout [RunningRank], until deadline: Double?
    ) throws(SystemError) -> [Supervisor.Event] {
        let sources = ranks.flatMap { [$0.report.source, $0.output.source].compactMap(\.self) }
        let watched = sources + (signals.map { [$0.descriptor] } ?? [])
        let wait = min(Self.waitMax, max(0, (deadline ?? .infinity) - monotonicSeconds()))
        let readable = try waitReadable(watched, timeout: wait)
        var events: [Supervisor.Event] = []
        if let signals, readable.last == true {
            for signal in try signals.take() where signal != .childEnded {
                events.append(.interrupted(signal))
            }
        }
        let ready = Set(zip(watched, readable).filter(\.1).map(\.0.number))
        for index in ranks.indices {
            events += try ranks[index].read(ready, callbacks)
            events += try ranks[index].reap(callbacks)
        }
        return events + [.tick]
    }

    /// The longest wait in seconds.
    ///
    /// Where SIGCHLD is not blocked, no signal tells of a dead rank whose pipes somebody else still
    /// holds; then it is found after this time.
    private static let waitMax = 0.1
}
