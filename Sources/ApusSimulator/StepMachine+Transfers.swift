import ApusBase

/// Transfers, from their start on each side to their end.
extension StepMachine {
    func place(_ operation: LoweredProgram.Operation, of actor: Int) -> Int {
        lanes[laneOf[actor][Int(operation.queue)]].first + Int(operation.order)
    }

    mutating func start(_ operation: LoweredProgram.Operation, of actor: Int) {
        let place = self.place(operation, of: actor)
        if transfers[place].join(operation, actor: actor, at: now) {
            beginNext(Int(transfers[place].lane))
        }
    }

    /// Puts the next transfer of a lane on the wire, if it is ready and the lane is free.
    private mutating func beginNext(_ index: Int) {
        guard !isBusy[index], done[index] < lanes[index].count else { return }
        let place = lanes[index].first + done[index]
        guard transfers[place].missing == 0 else { return }
        isBusy[index] = true
        transfers[place].begin = now
        var work = transfers[place].work * lanes[index].slowness
        if let cores {
            // The price is that of one group alone on the cores.
            let ranks = lanes[index].groupRanks
            work *= min(1, cores / Double(ranks)) / slowdown(ranks)
            setBusy(lanes[index].rankCount)
            schedule(place, at: clock + work)
        } else {
            let isAlone = links.begin(
                place, lane: index, sender: Int(transfers[place].sender), work: work,
                share: Double(transfers[place].share), at: clock)
            if isAlone { return schedule(place, at: clock + work) }
            for change in links.changes { schedule(change.transfer, at: change.end) }
        }
    }

    private mutating func schedule(_ place: Int, at time: Double) {
        transfers[place].version += 1
        events.push(
            EventQueue.Event(
                time: time, number: Int32(actors.count + place),
                version: transfers[place].version))
    }

    mutating func complete(_ place: Int) {
        let index = Int(transfers[place].lane)
        transfers[place].complete(at: now)
        isBusy[index] = false
        done[index] += 1
        if cores != nil {
            setBusy(-lanes[index].rankCount)
        } else if !links.end(place, at: clock) {
            for change in links.changes { schedule(change.transfer, at: change.end) }
        }
        beginNext(index)
        for actor in lanes[index].members where Int(states[actor].waitsFor) == place {
            wake(actor, place)
        }
    }

    /// Lets an actor go on that waited for a transfer, and says what it waited for.
    private mutating func wake(_ actor: Int, _ place: Int) {
        let start = states[actor].since
        let ready = min(now, max(start, transfers[place].ready))
        if lanes[Int(transfers[place].lane)].isWithinStage {
            states[actor].skew += ready - start
        }
        states[actor].exposed += now - ready
        states[actor].waitsFor = -1
        record(actor, states[actor].next, from: start, to: now)
        states[actor].next += 1
        advance(actor)
    }
}
