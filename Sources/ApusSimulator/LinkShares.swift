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
        var lane: Int
        /// -1 where all members send.
        var sender: Int
        /// The share of the bandwidth that it uses alone.
        var share: Double
        /// Work left at `since`, in seconds of the whole link.
        var left: Double
        var since: Double
        var stretch = 1.0
    }

    private let lanes: [Lane]
    private var flows: [Flow] = []
    /// The transfers at each actor's ports.
    private var atActor: [[Int]]
    /// The transfers whose end is another since the last `begin` or `end`.
    private(set) var changes: [Change] = []

    init(lanes: [Lane], actorCount: Int) {
        self.lanes = lanes
        atActor = Array(repeating: [], count: actorCount)
    }

    /// Adds a transfer of a lane; `changes` has its own end among others.
    mutating func begin(
        _ transfer: Int, lane: Int, sender: Int, work: Double, share: Double, at time: Double
    ) {
        var isAlone = true
        for actor in lanes[lane].members {
            if !atActor[actor].isEmpty { isAlone = false }
            atActor[actor].append(transfer)
        }
        flows.append(
            Flow(
                transfer: transfer, lane: lane, sender: sender, share: share, left: work,
                since: time))
        changes.removeAll(keepingCapacity: true)
        if !isAlone { update(lane, at: time) }
        if !changes.contains(where: { $0.transfer == transfer }) {
            changes.append(Change(transfer: transfer, end: time + work))
        }
    }

    /// Takes a transfer off; `changes` has the transfers that go faster now.
    mutating func end(_ transfer: Int, at time: Double) {
        changes.removeAll(keepingCapacity: true)
        guard let index = place(of: transfer) else { return }
        let lane = flows[index].lane
        flows.swapAt(index, flows.count - 1)
        flows.removeLast()
        var isAlone = true
        for actor in lanes[lane].members {
            if let place = atActor[actor].firstIndex(of: transfer) {
                atActor[actor].remove(at: place)
            }
            if !atActor[actor].isEmpty { isAlone = false }
        }
        if !isAlone { update(lane, at: time) }
    }

    /// Shares the ports of a lane's members out anew.
    private mutating func update(_ lane: Int, at time: Double) {
        var affected: [Int] = []
        for actor in lanes[lane].members {
            for transfer in atActor[actor] where !affected.contains(transfer) {
                affected.append(transfer)
            }
        }
        for transfer in affected.sorted() {
            guard let index = place(of: transfer) else { continue }
            let stretch = stretch(of: flows[index])
            guard stretch != flows[index].stretch else { continue }
            let passed = (time - flows[index].since) / flows[index].stretch
            flows[index].left = max(0, flows[index].left - passed)
            flows[index].since = time
            flows[index].stretch = stretch
            changes.append(
                Change(transfer: transfer, end: time + flows[index].left * stretch))
        }
    }

    /// By how much the fullest port of a flow is over-used; 1 where none is.
    private func stretch(of flow: Flow) -> Double {
        var most = 1.0
        let level = lanes[flow.lane].level
        for actor in lanes[flow.lane].members {
            var out = 0.0
            var into = 0.0
            for transfer in atActor[actor] {
                guard let place = place(of: transfer) else { continue }
                let other = flows[place]
                guard lanes[other.lane].level == level else { continue }
                if other.sender < 0 || other.sender == actor { out += other.share }
                if other.sender != actor { into += other.share }
            }
            if flow.sender < 0 || flow.sender == actor { most = max(most, out) }
            if flow.sender != actor { most = max(most, into) }
        }
        return most
    }

    private func place(of transfer: Int) -> Int? {
        flows.firstIndex { $0.transfer == transfer }
    }
}
