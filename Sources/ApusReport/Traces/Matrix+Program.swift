import ApusBase
import ApusPlan
import ApusProgram

extension Matrix {
    /// Up to this many ranks a row is a rank; beyond, a stage.
    static let ranksMax = 64

    /// The bytes that a program plans to send in a step.
    ///
    /// A message goes to its receiver. A collective's bytes are spread evenly over its members, the
    /// sender's own share left out.
    init(planOf program: Program) {
        let world = program.mesh.worldSize
        let isByRank = world <= Self.ranksMax
        let count = isByRank ? world : program.classes.count
        var values = Array(repeating: Array(repeating: 0.0, count: count), count: count)
        for programClass in program.classes {
            var sent: [Queue: Double] = [:]
            for case .start(let transfer) in programClass.instructions
            where transfer.id.role != .receive {
                sent[transfer.queue, default: 0] += Double(transfer.size.count)
            }
            for index in 0..<world where program.stage(of: index) == programClass.stage {
                for (queue, bytes) in sent.sorted(by: { $0.key.name < $1.key.name }) {
                    let members = program.mesh.members(of: queue, rank: Rank(index))
                    let isMessage = queue.isBetweenNeighbours
                    let share = isMessage ? bytes : bytes / Double(max(1, members.count))
                    for member in members where member.index != index {
                        let from = isByRank ? index : programClass.stage.index
                        let to = isByRank ? member.index : program.stage(of: member.index).index
                        values[from][to] += share
                    }
                }
            }
        }
        let name = isByRank ? "rank" : "stage"
        let names = (0..<count).map(String.init)
        self.init(
            rows: names, columns: names, values: values, unit: .bytes,
            rowName: "sending \(name)", columnName: "receiving \(name)")
    }
}

extension Program {
    fileprivate func stage(of rank: Int) -> Stage { mesh.position(of: Rank(rank)).stage }
}

extension Queue {
    /// Whether it carries messages from one rank to one other.
    fileprivate var isBetweenNeighbours: Bool {
        switch self {
        case .activations, .gradients: true
        case .group: false
        }
    }
}
