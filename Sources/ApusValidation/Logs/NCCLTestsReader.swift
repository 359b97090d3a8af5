import ApusBase
import ApusPlan

/// Reads the tables that the programs of nccl-tests (or rccl-tests) print.
///
/// A table begins with the ranks that took part and a line that names its columns. The time of the
/// out-of-place run counts. Source: NVIDIA/nccl-tests, `doc/PERFORMANCE.md`.
struct NCCLTestsReader {
    let file: String
    private var collective: Collective?
    private var named: String?
    private var ranks: Set<Int> = []
    private var hosts: [String: Int] = [:]
    /// The place of the time, counted from the end: a column before it may be blank.
    private var timeColumn: Int?
    private var findings: LogFindings
    private var skipped: [String: Int] = [:]
    private var tables = 0

    /// The largest number of rows that a file gives; nccl-tests prints some thirty for a table.
    private static let rowMax = 400

    init(file: String) {
        self.file = file
        findings = LogFindings(kind: "nccl-tests", file: file)
        name(file)
    }

    consuming func read(_ bytes: [UInt8]) throws(Problems) -> LogFindings {
        var lines = TextLines(bytes)
        var lastTable: Int?
        while let line = lines.next() {
            if line.text.contains("busbw") { lastTable = line.number }
            read(line.text)
        }
        skipped["lines of more than \(TextLines.lengthMax) bytes"] = lines.tooLong
        guard !findings.calibration.collectives.isEmpty else {
            throw nothingUsable(
                file, line: lastTable, "no row of nccl-tests can be used",
                expected: "rows with size, count, type and time below the column names, lines such "
                    + "as `#  Rank  0 … on host device  0`, and the program's name "
                    + "(`all_reduce_perf`) in the output or in the file's name",
                skipped: skipped)
        }
        let rows = findings.calibration.collectives
        let kinds = Set(rows.map(\.collective.rawValue)).sorted().joined(separator: ", ")
        findings.note(
            lines: lines.number, used: "\(counted(rows.count, "row", "rows")) of \(kinds)",
            skipped: skipped)
        findings.hosts = hosts.isEmpty ? nil : hosts.count
        return findings
    }

    private mutating func read(_ line: String) {
        name(line)
        if line.contains("nThread") || line.contains("Collective test starting") {
            if timeColumn != nil { (ranks, timeColumn) = ([], nil) }
        }
        let words = line.split { $0 == " " || $0 == "\t" }
        if line.hasPrefix("#") {
            header(words)
        } else if timeColumn != nil, let size = words.first.flatMap({ Int($0) }) {
            row(words, size: size)
        }
    }

    /// Takes the collective that a line names, such as `all_reduce_perf`.
    private mutating func name(_ line: String) {
        let names: [(String, Collective?)] = [
            ("all_reduce_perf", .allReduce), ("allreduce_perf", .allReduce),
            ("all_gather_perf", .allGather), ("reduce_scatter_perf", .reduceScatter),
            ("alltoall_perf", .allToAll), ("sendrecv_perf", .pointToPoint),
            ("broadcast_perf", nil), ("gather_perf", nil), ("scatter_perf", nil),
            ("hypercube_perf", nil), ("reduce_perf", nil),
        ]
        guard let found = names.first(where: { line.contains($0.0) }) else { return }
        (named, collective) = found
    }

    private mutating func header(_ words: [Substring]) {
        if words.count > 2, words[1] == "Rank", let rank = Int(words[2]), rank < 65_536, rank >= 0 {
            ranks.insert(rank)
            findings.ranks = max(findings.ranks ?? 0, ranks.count)
            if let on = words.firstIndex(of: "on"), on + 1 < words.count, hosts.count < 65_536 {
                hosts[String(words[on + 1]), default: 0] += 1
            }
            if let bracket = words.lastIndex(where: { $0.hasSuffix("]") }) {
                findings.gpuName = words[(bracket + 1)...].joined(separator: " ")
            }
        } else if words.contains("busbw") {
            tables += 1
            // The mark at the line's start is no column.
            let columns = words.first == "#" ? Array(words.dropFirst()) : words
            timeColumn = columns.firstIndex(of: "time").map { columns.count - $0 }
        }
    }

    private mutating func row(_ words: [Substring], size: Int) {
        guard let timeColumn, words.count > timeColumn,
            let time = Double(words[words.count - timeColumn]), time.isFinite,
            (1e-3...1e11).contains(time), (1...1_099_511_627_776).contains(size)
        else { return skipped["rows without size and time", default: 0] += 1 }
        guard let collective else {
            let what = named.map { "rows of \($0), which no plan needs" }
            return skipped[what ?? "rows of a program that is not named", default: 0] += 1
        }
        guard ranks.count > 1 else {
            return skipped["rows without at least two ranks above them", default: 0] += 1
        }
        guard findings.calibration.collectives.count < Self.rowMax else {
            return skipped["rows beyond \(Self.rowMax)", default: 0] += 1
        }
        findings.calibration.collectives.append(
            Calibration.Exchange(
                collective: collective, ranks: ranks.count, bytes: size, microseconds: time))
    }
}
