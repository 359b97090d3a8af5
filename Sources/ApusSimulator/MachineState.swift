/// Where an actor stands, and how it spent its time.
struct ActorState {
    /// The next instruction.
    var next = 0
    var isComputing = false
    /// The transfer that it waits for; -1 for none.
    var waitsFor: Int32 = -1
    /// Since when it computes or waits.
    var since = 0.0
    var computation = 0.0
    /// Waiting for bytes on the wire, and for slower members of its own stage's groups.
    var exposed = 0.0
    var skew = 0.0
    var finish = 0.0
}

/// One transfer of a lane.
struct TransferState {
    var lane: Int32 = 0
    /// Members that have not started it.
    var missing: Int32 = 0
    /// The actor that sends it; -1 where all members do.
    var sender: Int32 = -1
    var version: Int32 = 0
    var isDone = false
    var work = 0.0
    var share: Float = 0
    var ready = 0.0
    var begin = 0.0
    var end = 0.0
}

/// When each instruction of each actor began and ended.
struct Recording {
    private(set) var starts: [[Double]]
    private(set) var ends: [[Double]]

    init(_ counts: [Int]) {
        starts = counts.map { Array(repeating: 0, count: $0) }
        ends = starts
    }

    mutating func note(_ actor: Int, _ instruction: Int, from start: Double, to end: Double) {
        starts[actor][instruction] = start
        ends[actor][instruction] = end
    }
}
