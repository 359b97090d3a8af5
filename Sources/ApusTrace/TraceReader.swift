package import ApusBase
import ApusProgram

/// What a trace file may hold.
///
/// Under these limits no sum of its numbers overflows: 2²⁰ transfers of 2⁴² bytes.
package enum TraceLimits {
    package static let fileSize = Bytes(1 << 29)
    static let lineSize = 1 << 18
    static let textLength = 4096
    static let queues = 0...4096
    static let ranks = 1...65_536
    static let counts = 1...1_048_576
    static let indices = 0...(1 << 26)
    static let eventCount = 1 << 23
    static let transferCount = 1 << 20
    static let bytes = 0...(1 << 42)
    /// What the allocator holds may fall below what it held at first.
    static let held = -(1 << 42)...(1 << 42)
    static let seconds = 0.0...1e9
}

extension Trace {
    /// Reads a trace from the bytes of its file.
    ///
    /// - Throws: `Problems` with the first line that cannot be read.
    package init(bytes: [UInt8], file: String) throws(Problems) {
        var reader = TraceReader(file: file)
        guard bytes.count <= TraceLimits.fileSize.count else {
            throw reader.problem("a file of at most \(TraceLimits.fileSize)", at: 1, of: [])
        }
        var start = bytes.startIndex
        var number = 0
        while start < bytes.endIndex {
            let end = bytes[start...].firstIndex(of: 10) ?? bytes.endIndex
            number += 1
            try reader.read(bytes[start..<end], at: number)
            start = end + 1
        }
        self = try reader.trace(lineCount: number)
    }
}

/// Puts a trace together from its lines.
private struct TraceReader {
    private let file: String
    private var result: Trace?
    private var eventCount = 0
    private var transferCount = 0

    init(file: String) { self.file = file }

    func trace(lineCount: Int) throws(Problems) -> Trace {
        guard let result else { throw problem("a header as the first line", at: 1, of: []) }
        guard !result.ranks.isEmpty else {
            throw problem("the lines of a rank behind the header", at: lineCount, of: [])
        }
        return result
    }

    mutating func read(_ line: ArraySlice<UInt8>, at number: Int) throws(Problems) {
        guard line.count <= TraceLimits.lineSize else {
            throw problem("lines of at most \(TraceLimits.lineSize) bytes", at: number, of: line)
        }
        var scanner = LineScanner(line)
        if scanner.isAtEnd() { return }
        if result == nil {
            result = try header(&scanner, line, number)
        } else if line.first == UInt8(ascii: "{") {
            let rank = try rank(&scanner, line, number)
            result?.ranks.append(rank)
        } else {
            try entry(&scanner, line, number)
        }
        guard scanner.isAtEnd() else {
            throw problem("nothing behind the end of the line", at: number, of: line)
        }
    }

    private func header(
        _ scanner: inout LineScanner, _ line: ArraySlice<UInt8>, _ number: Int
    ) throws(Problems) -> Trace {
        let version = Trace.formatVersion
        guard let fields = scanner.object(), fields["apus_trace"] == .integer(version) else {
            throw problem(
                "a header that begins `{\"apus_trace\":\(version),`", at: number, of: line)
        }
        let reader = FieldReader(fields: fields)
        var subject = Trace.Subject()
        subject.deployment = reader.text("deployment")
        subject.program = reader.text("program")
        subject.layout = reader.text("layout")
        subject.worldSize = reader.integer("world_size", TraceLimits.ranks)
        subject.sequenceLength = reader.integer("sequence_length", TraceLimits.counts)
        subject.sequencesPerMicroBatch = reader.integer(
            "sequences_per_micro_batch", TraceLimits.counts)
        subject.microBatches = reader.integer("micro_batches", TraceLimits.counts)
        subject.tensorParallel = reader.integer("tensor_parallel", TraceLimits.ranks)
        subject.recompute = reader.text("recompute")
        subject.precision = reader.text("precision")
        let source = Trace.Source(rawValue: reader.text("source"))
        let queues = reader.texts("queues")
        if let missing = reader.missing ?? (source == nil ? "source" : nil) {
            throw problem("a header with a sound `\(missing)`", at: number, of: line)
        }
        return Trace(source: source ?? .prediction, subject: subject, queues: queues, ranks: [])
    }

    private func rank(
        _ scanner: inout LineScanner, _ line: ArraySlice<UInt8>, _ number: Int
    ) throws(Problems) -> RankTrace {
        let worldSize = result?.subject.worldSize ?? 1
        let reader = FieldReader(fields: scanner.object() ?? [:])
        let rank = RankTrace(
            rank: Rank(reader.integer("rank", 0...(worldSize - 1))),
            stage: Stage(reader.integer("stage", 0...(worldSize - 1))),
            standsFor: reader.integer("stands_for", 1...worldSize),
            persistent: Bytes(reader.integer("persistent_bytes", TraceLimits.bytes)))
        if let missing = reader.missing {
            throw problem("a rank with a sound `\(missing)`", at: number, of: line)
        }
        if result?.ranks.last.map({ $0.rank >= rank.rank }) == true {
            throw problem("ranks in order, each once", at: number, of: line)
        }
        return rank
    }

    private mutating func entry(
        _ scanner: inout LineScanner, _ line: ArraySlice<UInt8>, _ number: Int
    ) throws(Problems) {
        let values = scanner.numbers(countMax: 7) ?? []
        let last = (result?.ranks.count ?? 0) - 1
        guard last >= 0 else { throw problem("a rank before its events", at: number, of: line) }
        if let event = TraceEvent(values) {
            eventCount += 1
            result?.ranks[last].events.append(event)
        } else if let transfer = TraceTransfer(values, queueCount: result?.queues.count ?? 0) {
            transferCount += 1
            result?.ranks[last].transfers.append(transfer)
        } else {
            throw problem(
                "an event `[step,instruction,start,end,held]`, or a transfer "
                    + "`[step,instruction,queue,begin,end,planned,actual]`", at: number, of: line)
        }
        guard eventCount <= TraceLimits.eventCount, transferCount <= TraceLimits.transferCount
        else {
            throw problem(
                "at most \(TraceLimits.eventCount) events and \(TraceLimits.transferCount) "
                    + "transfers", at: number, of: line)
        }
    }

    func problem(_ expected: String, at line: Int, of text: ArraySlice<UInt8>) -> Problems {
        let shown = String(decoding: text.prefix(60), as: UTF8.self)
            .map { $0.isNewline || $0.asciiValue.map { $0 < 32 } == true ? " " : $0 }
        return Problems([
            Diagnostic(
                .traceSyntax, location: Diagnostic.Location(file: file, line: max(1, line)),
                problem: "cannot read `\(String(shown))` as a line of a trace", expected: expected,
                hint: "`apus train --trace` writes traces")
        ])
    }
}

/// Takes the fields of an object apart and remembers the first one that is not as it should be.
private final class FieldReader {
    // A class so that reading fields in an expression can note what is missing.
    private let fields: [String: LineScanner.Value]
    private(set) var missing: String?

    init(fields: [String: LineScanner.Value]) { self.fields = fields }

    func text(_ key: String) -> String {
        guard case .text(let text) = fields[key], text.utf8.count <= TraceLimits.textLength else {
            missing = missing ?? key
            return ""
        }
        return text
    }

    func texts(_ key: String) -> [String] {
        guard case .texts(let texts) = fields[key], TraceLimits.queues.contains(texts.count),
            Set(texts).count == texts.count
        else {
            missing = missing ?? key
            return []
        }
        return texts
    }

    func integer(_ key: String, _ range: ClosedRange<Int>) -> Int {
        guard case .integer(let value) = fields[key], range.contains(value) else {
            missing = missing ?? key
            return range.lowerBound
        }
        return value
    }
}

extension LineScanner.Value {
    fileprivate func index(_ range: ClosedRange<Int>) -> Int? {
        guard case .integer(let value) = self, range.contains(value) else { return nil }
        return value
    }

    fileprivate var seconds: Double? {
        switch self {
        case .integer(let value): TraceLimits.seconds.contains(Double(value)) ? Double(value) : nil
        case .number(let value): TraceLimits.seconds.contains(value) ? value : nil
        case .text, .texts: nil
        }
    }
}

extension TraceEvent {
    fileprivate init?(_ values: [LineScanner.Value]) {
        guard values.count == 5, let step = values[0].index(TraceLimits.indices),
            let instruction = values[1].index(TraceLimits.indices), let start = values[2].seconds,
            let end = values[3].seconds, end >= start, let held = values[4].index(TraceLimits.held)
        else { return nil }
        self.init(step: step, instruction: instruction, start: start, end: end, held: held)
    }
}

extension TraceTransfer {
    fileprivate init?(_ values: [LineScanner.Value], queueCount: Int) {
        guard values.count == 7, queueCount > 0, let step = values[0].index(TraceLimits.indices),
            let instruction = values[1].index(TraceLimits.indices),
            let queue = values[2].index(0...(queueCount - 1)), let begin = values[3].seconds,
            let end = values[4].seconds, end >= begin,
            let planned = values[5].index(TraceLimits.bytes),
            let actual = values[6].index(TraceLimits.bytes)
        else { return nil }
        self.init(
            step: step, instruction: instruction, queue: queue, begin: begin, end: end,
            planned: planned, actual: actual)
    }
}
