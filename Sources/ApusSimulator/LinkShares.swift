/// How transfers share links.
///
/// Each rank has a port to each level of the network, one way out and one way in. A transfer alone
/// uses a share of its ports' bandwidth; where the shares of all that are in flight exceed a port,
/// they are stretched in proportion, so that large transfers get equal parts. A transfer goes as
/// fast as the fullest of its ports lets it. A send uses the sender's way out and the receiver's
/// way in, a collective both ways of all its members. Across levels, the outermost one counts.
///
/// Shares change when a transfer begins or ends, so the ends of the others are given anew then.
struct LinkShares {
    struct Change {
        var transfer: Int
        var end: Double
    }

    private struct Flow {
        var transfer: Int
        var level: Int
        var members: [Int]
        /// -1 where all members send.
        var sender: Int
        /// Work left at `since`, in seconds of the whole link.
        var left: Double
        /// The share of the bandwidth that it uses alone.
        var share: Double
        var since: Double
        var stretch = 1.0
    }

    private var flows: [Flow] = []
    /// The flows of each actor's ports, as transfers.
    private var atActor: [[Int]]

    init(actorCount: Int) { atActor = Array(repeating: [], count: actorCount) }

    /// Adds a transfer; gives the ends of all transfers whose end is another now, its own included.
    mutating func begin(
        _ transfer: Int, _ lane: Lane, sender: Int, work: Double, share: Double, at time: Double
    ) -> [Change] {
        let isAlone = lane.members.allSatisfy { atActor[$0].isEmpty }
        for actor in lane.members { atActor[actor].append(transfer) }
        flows.append(
            Flow(
                transfer: transfer, level: lane.level, members: lane.members, sender: sender,
                left: work, share: share, since: time))
        if isAlone { return [Change(transfer: transfer, end: time + work)] }
        var changes = update(lane.members, at: time)
        if !changes.contains(where: { $0.transfer == transfer }) {
            changes.append(Change(transfer: transfer, end: time + work))
        }
        return changes
    }

    /// Takes a transfer off; gives the ends of the transfers that go faster now.
    mutating func end(_ transfer: Int, at time: Double) -> [Change] {
        guard let index = flows.firstIndex(where: { $0.transfer == transfer }) else { return [] }
        let members = flows[index].members
        flows.swapAt(index, flows.count - 1)
        flows.removeLast()
        var othersAreThere = false
        for actor in members {
            atActor[actor].removeAll { $0 == transfer }
            if !atActor[actor].isEmpty { othersAreThere = true }
        }
        return othersAreThere ? update(members, at: time) : []
    }

    /// Shares the ports of some actors out anew.
    private mutating func update(_ actors: [Int], at time: Double) -> [Change] {
        var affected: [Int] = []
        for actor in actors {
            for transfer in atActor[actor] where !affected.contains(transfer) {
                affected.append(transfer)
            }
        }
        var changes: [Change] = []
        for transfer in affected.sorted() {
            guard let index = flows.firstIndex(where: { $0.transfer == transfer }) else { continue }
            let stretch = self.stretch(of: flows[index])
            guard stretch != flows[index].stretch else { continue }
            let passed = (time - flows[index].since) / flows[index].stretch
            flows[index].left = max(0, flows[index].left - passed)
            flows[index].since = time
            flows[index].stretch = stretch
            changes.append(
                Change(transfer: transfer, end: time + flows[index].left * stretch))
        }
        return changes
    }

    /// By how much the fullest port of a flow is over-used; 1 where none is.
    private func stretch(of flow: Flow) -> Double {
        var most = 1.0
        for actor in flow.members {
            var out = 0.0
            var into = 0.0
            for transfer in atActor[actor] {
                guard let other = flows.first(where: { $0.transfer == transfer }),
                    other.level == flow.level
                else { continue }
                if other.sender < 0 || other.sender == actor { out += other.share }
                if other.sender != actor { into += other.share }
            }
            if flow.sender < 0 || flow.sender == actor { most = max(most, out) }
            if flow.sender != actor { most = max(most, into) }
        }
        return most
    }
}
