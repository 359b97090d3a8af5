import ApusBase
import ApusSystem

/// A rank that was started, with the pipes to it.
struct RunningRank {
    let rank: Rank
    let place: String
    let process: ChildProcess
    var report: LineReader
    var output: LineReader
    private var hasEnded = false
    /// The last line that the rank printed, and the last that tells of an error; after that one
    /// there may come a backtrace.
    private var lastLine: String?
    private var lastError: String?

    init(
        rank: Rank, place: String, process: ChildProcess, report: Descriptor, output: Descriptor
    ) {
        self.rank = rank
        self.place = place
        self.process = process
        self.report = LineReader(report)
        self.output = LineReader(output)
    }

    /// Reads those pipes that are ready and passes lines on.
    mutating func read(
        _ ready: Set<Int32>, _ callbacks: SupervisedJob.Callbacks
    ) throws(SystemError) -> [Supervisor.Event] {
        if let source = output.source, ready.contains(source.number) {
            for line in try output.read() {
                if !line.allSatisfy(\.isWhitespace) { lastLine = line }
                if Self.errorSigns.contains(where: { line.contains($0) }) { lastError = line }
                callbacks.onOutput(rank, line)
            }
        }
        guard let source = report.source, ready.contains(source.number) else { return [] }
        var events: [Supervisor.Event] = []
        for line in try report.read() {
            if let note = RankReport(line: line) { events.append(.reported(rank, note)) }
            callbacks.onReport(rank, line)
        }
        return events
    }

    /// Looks whether the process has ended; what it said last comes before its end.
    mutating func reap(
        _ callbacks: SupervisedJob.Callbacks
    ) throws(SystemError) -> [Supervisor.Event] {
        guard !hasEnded, let exit = process.poll() else { return [] }
        hasEnded = true
        var events: [Supervisor.Event] = []
        for _ in 0..<Self.finalReadCount {
            let sources = [report.source, output.source].compactMap(\.self)
            let readable = try waitReadable(sources, timeout: 0)
            let ready = Set(zip(sources, readable).filter(\.1).map(\.0.number))
            if ready.isEmpty { break }
            events += try read(ready, callbacks)
        }
        return events + [.exited(rank, exit, lastWords: lastError ?? lastLine)]
    }

    /// What Swift, C++ and most programs write into the line that tells what went wrong.
    private static let errorSigns = ["error:", "Error:", "what():"]
    /// How often the pipes of an ended rank are read at most; a pipe holds one such read (64 KiB)
    /// unless somebody made it larger.
    private static let finalReadCount = 64
}

/// Splits what comes through a pipe into lines.
struct LineReader {
    /// The pipe, until it has ended.
    private(set) var source: Descriptor?
    private var pending: [UInt8] = []

    /// A longer line is cut, so that a rank cannot fill the supervisor's memory.
    private static let lengthMax = 65_536

    init(_ source: Descriptor) { self.source = source }

    /// Reads once from the pipe, which must be ready, and returns the lines that are complete.
    mutating func read() throws(SystemError) -> [String] {
        guard let source else { return [] }
        let bytes = try source.read()
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || pending.count == Self.lengthMax {
                lines.append(String(decoding: pending, as: UTF8.self))
                pending.removeAll(keepingCapacity: true)
                if byte == UInt8(ascii: "\n") { continue }
            }
            pending.append(byte)
        }
        if bytes.isEmpty {
            self.source = nil
            if !pending.isEmpty { lines.append(String(decoding: pending, as: UTF8.self)) }
            pending = []
        }
        return lines
    }
}
