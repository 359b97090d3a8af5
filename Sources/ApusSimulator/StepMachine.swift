import ApusBase
import ApusProgram

/// Runs one step of all actors in virtual time.
///
/// An actor goes through its program until it waits for a transfer that is not complete. A transfer
/// is ready when all members of its lane have started it; it begins when it is the first of its
/// lane, and ends when its work is done.
///
/// Time is measured on a clock on which work goes at full speed. Where ranks share cores the clock
/// itself slows down (`rate`), for computation and transfers alike; elsewhere it is the time, and
/// transfers that share a link slow each other down (`LinkShares`).
struct StepMachine {
    let actors: [Actor]
    let programs: [LoweredProgram]
    let programOf: [Int]
    let lanes: [Lane]
    let laneOf: [[Int]]
    let cores: Double?
    private let slowdowns: [Double]
    private let jitters: [Jitter]

    /// The clock, the time that it stands for, and how fast it goes.
    private(set) var clock = 0.0
    private(set) var now = 0.0
    private var rate = 1.0
    /// Ranks that compute or move bytes.
    private var busyRanks = 0
    var events = EventQueue()
    var links: LinkShares

    var states: [ActorState]
    var transfers: [TransferState]
    /// How many transfers of each lane are over, and whether one is on the wire.
    var done: [Int]
    var isBusy: [Bool]
    private(set) var recording: Recording?

    init(
        _ actors: [Actor], programs: [LoweredProgram], programOf: [Int], table: LaneTable,
        cores: Int?, slowdowns: [Double], conditions: Conditions, records: Bool
    ) {
        self.actors = actors
        self.programs = programs
        self.programOf = programOf
        lanes = table.lanes
        laneOf = table.laneOf
        self.cores = cores.map(Double.init)
        self.slowdowns = slowdowns
        jitters = actors.map { Jitter(conditions, rank: $0.rank) }
        links = LinkShares(lanes: table.lanes, actorCount: actors.count)
        states = actors.map { _ in ActorState() }
        transfers = Array(repeating: TransferState(), count: table.transferCount)
        done = Array(repeating: 0, count: table.lanes.count)
        isBusy = Array(repeating: false, count: table.lanes.count)
        for (index, lane) in table.lanes.enumerated() {
            for place in lane.first..<(lane.first + lane.count) {
                transfers[place].lane = Int32(index)
                transfers[place].missing = Int32(lane.members.count)
            }
        }
        if records {
            recording = Recording(programOf.map { programs[$0].operations.count })
        }
    }

    /// Runs all actors to their ends.
    mutating func run() {
        for actor in actors.indices { advance(actor) }
        while let event = events.pop() {
            let number = Int(event.number)
            if number >= actors.count,
                transfers[number - actors.count].version != event.version
            {
                continue
            }
            now = cores == nil ? event.time : now + (event.time - clock) / rate
            clock = event.time
            if number < actors.count { resume(number) } else { complete(number - actors.count) }
        }
        for (actor, state) in states.enumerated() {
            precondition(
                state.next == programs[programOf[actor]].operations.count, "a proven program ends")
        }
    }

    // MARK: - Computation

    private mutating func resume(_ actor: Int) {
        if states[actor].isComputing {
            states[actor].isComputing = false
            states[actor].computation += now - states[actor].since
            record(actor, states[actor].next, from: states[actor].since, to: now)
            states[actor].next += 1
            setBusy(-actors[actor].rankCount)
        }
        advance(actor)
    }

    /// Goes on with an actor's program until it waits.
    mutating func advance(_ actor: Int) {
        let operations = programs[programOf[actor]].operations
        var next = states[actor].next
        var time = clock
        let slowness = actors[actor].slowness
        let isSilent = jitters[actor].isSilent
        while next < operations.count {
            let operation = operations[next]
            switch operation.code {
            case .none:
                record(actor, next, from: moment(time), to: moment(time))
            case .compute:
                var work = operation.work * slowness
                if !isSilent { work *= jitters[actor].factor(instruction: next) }
                if cores != nil { return compute(actor, at: next, work) }
                states[actor].computation += work
                record(actor, next, from: time, to: time + work)
                time += work
            case .start:
                if time > clock { return pause(actor, at: next, until: time) }
                record(actor, next, from: now, to: now)
                start(operation, of: actor)
            case .wait:
                let place = self.place(operation, of: actor)
                if !transfers[place].isDone {
                    if time > clock { return pause(actor, at: next, until: time) }
                    states[actor].next = next
                    states[actor].waitsFor = Int32(place)
                    states[actor].since = now
                    return
                }
                record(actor, next, from: moment(time), to: moment(time))
            }
            next += 1
        }
        states[actor].next = next
        states[actor].finish = moment(time)
    }

    /// Notes an instruction where a trace is wanted.
    mutating func record(
        _ actor: Int, _ instruction: Int, from start: Double, to end: Double
    ) {
        recording?.note(actor, instruction, from: start, to: end)
    }

    private func moment(_ time: Double) -> Double { cores == nil ? time : now }

    private mutating func pause(_ actor: Int, at next: Int, until time: Double) {
        states[actor].next = next
        events.push(EventQueue.Event(time: time, number: Int32(actor), version: 0))
    }

    private mutating func compute(_ actor: Int, at next: Int, _ work: Double) {
        states[actor].next = next
        states[actor].isComputing = true
        states[actor].since = now
        setBusy(actors[actor].rankCount)
        events.push(EventQueue.Event(time: clock + work, number: Int32(actor), version: 0))
    }

    /// Shares the cores out anew among ranks that have work.
    mutating func setBusy(_ change: Int) {
        busyRanks += change
        guard let cores else { return }
        rate = busyRanks > 0 ? min(1, cores / Double(busyRanks)) / slowdown(busyRanks) : 1
    }

    /// How much longer work takes on each core while so many ranks are busy.
    func slowdown(_ busyRanks: Int) -> Double {
        guard let last = slowdowns.last else { return 1 }
        return busyRanks <= slowdowns.count ? slowdowns[max(0, busyRanks - 1)] : last
    }
}
