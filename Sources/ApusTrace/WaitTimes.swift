import ApusBase
package import ApusProgram

/// How long ranks wait in a step, by what for, in the mean over ranks.
package struct WaitTimes: Hashable, Sendable {
    /// For collectives, and for pipeline neighbours.
    package var collectives = 0.0
    package var neighbours = 0.0

    /// The waits of a trace of `program`; the median over its steps.
    package init(_ trace: Trace, program: Program) {
        let ranks = Double(max(1, trace.ranks.map(\.standsFor).reduce(0, +)))
        var collectives: [Int32: Double] = [:]
        var neighbours: [Int32: Double] = [:]
        for rank in trace.ranks {
            let instructions = program.programClass(of: rank.rank).instructions
            for event in rank.events where instructions.indices.contains(Int(event.instruction)) {
                guard case .wait(let id) = instructions[Int(event.instruction)] else { continue }
                let time = event.duration * Double(rank.standsFor) / ranks
                switch id.role {
                case .join: collectives[event.step, default: 0] += time
                case .send, .receive: neighbours[event.step, default: 0] += time
                }
            }
        }
        self.collectives = median(Array(collectives.values))
        self.neighbours = median(Array(neighbours.values))
    }
}
