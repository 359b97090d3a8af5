import ApusBase
import ApusPlan
import ApusProgram

/// Each instruction's predicted and measured time, and what of it is waiting for other ranks.
struct PairedInstructions {
    /// The time of one instruction on one rank; for a wait, the part before all sides were there.
    struct Times {
        var whole = 0.0
        var waiting = 0.0
    }

    struct Pair {
        var rank: Rank
        var index: Int
        var instruction: Instruction
        var predicted: Times
        var measured: Times
    }

    private(set) var pairs: [Pair] = []
    private let rankCount: Int

    init(predicted: Trace, measured: Trace, program: Program) {
        let predictedTimes = InstructionTimes(predicted, program)
        let measuredTimes = InstructionTimes(measured, program)
        rankCount = measured.ranks.map(\.standsFor).reduce(0, +)
        for (place, rank) in measured.ranks.enumerated() {
            guard let other = predicted.counterpart(of: rank),
                let otherPlace = predicted.ranks.firstIndex(of: other)
            else { continue }
            let instructions = program.programClass(of: rank.rank).instructions
            for (index, instruction) in instructions.enumerated() {
                guard let own = predictedTimes.times[otherPlace][index],
                    let seen = measuredTimes.times[place][index]
                else { continue }
                for _ in 0..<rank.standsFor {
                    pairs.append(
                        Pair(
                            rank: rank.rank, index: index, instruction: instruction, predicted: own,
                            measured: seen))
                }
            }
        }
    }

    /// The sums by kind, the largest difference first.
    func rows(stepTime: Double) -> [TraceComparison.Row] {
        var kinds: [String: [Pair]] = [:]
        for pair in pairs {
            kinds[InstructionKind.name(of: pair.instruction), default: []].append(pair)
        }
        let ranks = Double(max(1, rankCount))
        return kinds.map { kind, pairs in
            TraceComparison.Row(
                kind: kind, count: Double(pairs.count) / ranks,
                predicted: Seconds(pairs.map(\.predicted.whole).reduce(0, +) / ranks),
                measured: Seconds(pairs.map(\.measured.whole).reduce(0, +) / ranks),
                explanation: DifferenceExplanation(pairs, stepTime: stepTime, ranks: ranks).text)
        }.sorted {
            let (left, right) = ($0.difference.count.magnitude, $1.difference.count.magnitude)
            return left == right ? $0.kind < $1.kind : left > right
        }
    }

    /// The instructions whose times differ most.
    func largest(_ count: Int) -> [TraceComparison.Entry] {
        let sorted = pairs.sorted { left, right in
            let (one, other) = (left.difference.magnitude, right.difference.magnitude)
            if one != other { return one > other }
            return (left.rank, left.index) < (right.rank, right.index)
        }
        return sorted.prefix(count).map { pair in
            TraceComparison.Entry(
                rank: pair.rank, instruction: pair.index, text: pair.instruction.description,
                predicted: Seconds(pair.predicted.whole), measured: Seconds(pair.measured.whole))
        }
    }
}

extension PairedInstructions.Pair {
    var difference: Double { measured.whole - predicted.whole }
}

/// The median times of each instruction of each traced rank.
private struct InstructionTimes {
    /// By the place of the rank in the trace and the instruction's index.
    private(set) var times: [[PairedInstructions.Times?]] = []

    init(_ trace: Trace, _ program: Program) {
        let ready = ReadyTimes(trace, program)
        for rank in trace.ranks {
            let programClass = program.programClass(of: rank.rank)
            let starts = programClass.startOfWait
            let count = programClass.instructions.count
            var whole = Array(repeating: [Double](), count: count)
            var waiting = whole
            for event in rank.events where (0..<count).contains(Int(event.instruction)) {
                let index = Int(event.instruction)
                whole[index].append(event.duration)
                guard let start = starts[index],
                    let moment = ready.moment(rank.rank, step: event.step, start: start)
                else { continue }
                waiting[index].append(min(event.duration, max(0, moment - event.start)))
            }
            times.append(
                zip(whole, waiting).map { whole, waiting in
                    guard !whole.isEmpty else { return nil }
                    return PairedInstructions.Times(whole: median(whole), waiting: median(waiting))
                })
        }
    }
}

/// When all traced sides of a transfer had handed it to their queues.
private struct ReadyTimes {
    private struct Place: Hashable {
        var step: Int32
        var payload: Payload
        var members: [Int]
    }

    private struct Own: Hashable {
        var rank: Int
        var step: Int32
        var start: Int
    }

    private var moments: [Place: Double] = [:]
    private var places: [Own: Place] = [:]

    init(_ trace: Trace, _ program: Program) {
        for rank in trace.ranks {
            let instructions = program.programClass(of: rank.rank).instructions
            var members: [Queue: [Int]] = [:]
            for entry in rank.transfers {
                guard let transfer = instructions.transfer(of: entry) else { continue }
                let ranks =
                    members[transfer.queue]
                    ?? program.mesh.members(of: transfer.queue, rank: rank.rank).map(\.index)
                members[transfer.queue] = ranks
                let place = Place(
                    step: entry.step, payload: transfer.id.payload, members: ranks)
                moments[place] = max(moments[place] ?? 0, entry.begin)
                let own = Own(
                    rank: rank.rank.index, step: entry.step, start: Int(entry.instruction))
                places[own] = place
            }
        }
    }

    func moment(_ rank: Rank, step: Int32, start: Int) -> Double? {
        places[Own(rank: rank.index, step: step, start: start)].flatMap { moments[$0] }
    }
}

extension ProgramClass {
    /// For each wait the instruction that started its transfer.
    package var startOfWait: [Int?] {
        var open: [Transfer.ID: Int] = [:]
        return instructions.enumerated().map { index, instruction in
            switch instruction {
            case .start(let transfer):
                open[transfer.id] = index
                return nil
            case .wait(let id):
                return open.removeValue(forKey: id)
            case .zeroGradients, .forward, .backward, .weightBackward, .free, .gradientNorm,
                .optimizerStep:
                return nil
            }
        }
    }
}
