import ApusBase
import ApusCost
import ApusPlan
import ApusProgram

/// The transfers of a program in virtual time.
///
/// A lane is a queue as all its members see it. It is first in, first out, so the transfers of two
/// classes that share a lane belong together by their order on it, which the verifier has proven.
struct TransferBoard {
    private struct Lane: Hashable {
        var queue: Queue
        /// The class that has it alone, or 0 where classes share it.
        var first: Int
    }

    private struct Entry {
        var sides = 0
        var ready = Seconds.zero
        var end: Seconds?
    }

    private struct Place: Hashable {
        var lane: Lane
        var order: Int
    }

    private struct Started: Hashable {
        var id: Transfer.ID
        var index: Int
    }

    private let pricer: InstructionPricer
    private let classCount: Int
    private let mesh: Mesh
    private var entries: [Lane: [Entry]] = [:]
    private var counts: [Lane: [Int]] = [:]
    private var free: [Lane: Seconds] = [:]
    private var places: [Started: Place] = [:]

    init(program: Program, pricer: InstructionPricer) {
        self.pricer = pricer
        classCount = program.classes.count
        mesh = program.mesh
    }

    /// Notes that a class has started its side; the last side fixes when the transfer ends.
    mutating func start(_ transfer: Transfer, class index: Int, at time: Seconds) {
        let (lane, sides) = lane(of: transfer.queue, class: index)
        let order = counts[lane, default: Array(repeating: 0, count: classCount)][index]
        counts[lane, default: Array(repeating: 0, count: classCount)][index] += 1
        places[Started(id: transfer.id, index: index)] = Place(lane: lane, order: order)
        if entries[lane, default: []].count <= order { entries[lane, default: []].append(Entry()) }
        guard var entry = entries[lane]?[order] else { return }
        entry.sides += 1
        entry.ready = max(entry.ready, time)
        if entry.sides == sides {
            let end = max(entry.ready, free[lane] ?? .zero) + pricer.duration(of: transfer)
            free[lane] = end
            entry.end = end
        }
        entries[lane]?[order] = entry
    }

    /// When a transfer is complete, or `nil` where another class has not started it.
    func end(of id: Transfer.ID, class index: Int) -> Seconds? {
        guard let place = places[Started(id: id, index: index)] else { return nil }
        return entries[place.lane]?[place.order].end
    }

    /// The lane that a class's queue is, and how many classes share it.
    private func lane(of queue: Queue, class index: Int) -> (lane: Lane, sides: Int) {
        let stages = mesh.stages(of: queue, from: Stage(index)).map(\.index)
        let isOwn = stages == [index]
        return (Lane(queue: queue, first: isOwn ? index : 0), stages.count)
    }
}
