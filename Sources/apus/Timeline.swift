import ApusBase
import ApusProgram
import ApusTrace

/// How a timeline is drawn.
struct TimelineStyle {
    /// Letters in place of blocks.
    var isPlain: Bool
    var isColored: Bool
    /// Columns of a whole line.
    var width: Int
}

/// What most of a stretch of time went into.
enum TimelinePart: Int, CaseIterable {
    case forward, backward, update, wire, idle

    var name: String {
        switch self {
        case .forward: "forward"
        case .backward: "backward"
        case .update: "update"
        case .wire: "waiting for bytes"
        case .idle: "waiting for ranks"
        }
    }

    func sign(_ style: TimelineStyle) -> String {
        guard style.isPlain else {
            switch self {
            case .forward: return style.isColored ? "\u{1B}[36m▒\u{1B}[0m" : "▒"
            case .backward: return style.isColored ? "\u{1B}[34m█\u{1B}[0m" : "█"
            case .update: return style.isColored ? "\u{1B}[35m▓\u{1B}[0m" : "▓"
            case .wire: return style.isColored ? "\u{1B}[33m~\u{1B}[0m" : "~"
            case .idle: return "·"
            }
        }
        switch self {
        case .forward: return "f"
        case .backward: return "B"
        case .update: return "u"
        case .wire: return "~"
        case .idle: return "."
        }
    }
}

/// One line of time and one of memory for a traced rank.
struct Timeline {
    private let rank: RankTrace
    private let program: ProgramClass
    private let columns: Int
    private let end: Double

    init(_ rank: RankTrace, program: ProgramClass, columns: Int, end: Double) {
        self.rank = rank
        self.program = program
        self.columns = max(1, columns)
        self.end = end
    }

    /// The parts of a step, each column showing what took most of it.
    func parts(_ style: TimelineStyle) -> String {
        var shares = Array(
            repeating: Array(repeating: 0.0, count: TimelinePart.allCases.count), count: columns)
        let starts = program.startOfWait
        let begins = Dictionary(
            rank.transfers.map { (Int($0.instruction), $0.begin) }, uniquingKeysWith: { $1 })
        for event in rank.events where event.duration > 0 {
            let index = Int(event.instruction)
            switch program.instructions[index] {
            case .forward(let run):
                // A run that replays a decision is a part of backward: it recomputes.
                var isReplay = false
                if case .replay = run.decision { isReplay = true }
                add(event.start, event.end, isReplay ? .backward : .forward, &shares)
            case .backward, .weightBackward: add(event.start, event.end, .backward, &shares)
            case .zeroGradients, .gradientNorm, .optimizerStep, .start, .free:
                add(event.start, event.end, .update, &shares)
            case .wait:
                let begin = starts[index].flatMap { begins[$0] } ?? event.start
                let middle = min(event.end, max(event.start, begin))
                add(event.start, middle, .idle, &shares)
                add(middle, event.end, .wire, &shares)
            }
        }
        return shares.map { part(of: $0).sign(style) }.joined()
    }

    /// What a column shows: computation where that is more than each kind of waiting, and of the
    /// computation what is most.
    private func part(of column: [Double]) -> TimelinePart {
        func share(_ part: TimelinePart) -> Double { column[part.rawValue] }
        let unaccounted = max(0, end / Double(columns) - column.reduce(0, +))
        let (idle, wire) = (share(.idle) + unaccounted, share(.wire))
        let computing: [TimelinePart] = [.forward, .backward, .update]
        let busy = computing.map(share).reduce(0, +)
        guard busy >= max(idle, wire) else { return wire > idle ? .wire : .idle }
        return computing.max { share($0) < share($1) } ?? .forward
    }

    /// The most that was held in each column, up to `full`.
    func memory(_ style: TimelineStyle, full: Bytes) -> String {
        var most = Array(repeating: 0, count: columns)
        var held = 0
        var column = 0
        for event in rank.events {
            let reached = place(event.end)
            while column < reached {
                column += 1
                most[column] = held
            }
            held = event.held
            most[column] = max(most[column], held)
        }
        for rest in (column + 1)..<max(column + 1, columns) { most[rest] = held }
        let levels = style.isPlain ? Array("0123456789") : Array("▁▂▃▄▅▆▇█")
        return String(
            most.map { size in
                let share = Double(rank.persistent.count + size) / Double(max(1, full.count))
                let level = Int((share * Double(levels.count)).rounded(.up)) - 1
                return levels[min(levels.count - 1, max(0, level))]
            })
    }

    private func place(_ time: Double) -> Int {
        guard end > 0 else { return 0 }
        return min(columns - 1, max(0, Int(time / end * Double(columns))))
    }

    private func add(
        _ start: Double, _ stop: Double, _ part: TimelinePart, _ shares: inout [[Double]]
    ) {
        guard stop > start else { return }
        let width = end / Double(columns)
        for column in place(start)...place(stop) {
            let left = max(start, Double(column) * width)
            let right = min(stop, Double(column + 1) * width)
            shares[column][part.rawValue] += max(0, right - left)
        }
    }
}
