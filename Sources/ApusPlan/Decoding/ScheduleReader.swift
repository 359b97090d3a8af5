import ApusBase

/// Reads a pipeline schedule from comma-separated values: a row for each stage, with its passes.
///
/// Source: the files of PyTorch's `torch.distributed.pipelining`, `_PipelineSchedule._dump_csv`.
struct ScheduleReader {
    /// A pass with the place where it stands.
    struct Pass {
        var entry: ScheduleEntry
        var virtualStage: Int
        var column: Int
    }

    struct Row {
        var line: Int
        var passes: [Pass] = []
    }

    /// A model has no more layers, and a stage holds at least one.
    private static let stageCountMax = 1024

    let file: String
    private(set) var problems: [Diagnostic] = []
    private(set) var rows: [Row] = []
    private var communications = 0
    private var firstCommunication: Diagnostic.Location?

    init(file: String) { self.file = file }

    /// The schedule that the text is, or `nil` where `problems` has an error.
    mutating func read(_ text: String) -> PipelineSchedule? {
        readRows(text)
        if let firstCommunication {
            report(
                .scheduleFile, severity: .note, at: firstCommunication,
                "\(counted(communications, "cell", "cells")) of communication "
                    + "\(communications == 1 ? "is" : "are") passed over",
                hint: "Apus compiles sends, receives and reductions itself")
        }
        guard hasNoErrors else { return nil }
        guard !rows.isEmpty else {
            report(
                .scheduleFile, at: Diagnostic.Location(file: file),
                "the schedule has no row", expected: "a row for each stage, such as `0F0,0B0`")
            return nil
        }
        guard rows.count <= Self.stageCountMax else {
            report(
                .countLimit, at: location(rows[Self.stageCountMax]),
                "the schedule has \(grouped(rows.count)) rows, one for each stage",
                expected: "at most \(grouped(Self.stageCountMax)) rows")
            return nil
        }
        let shape = placement()
        guard hasNoErrors else { return nil }
        let microBatches = 1 + (rows.flatMap(\.passes).map(\.entry.microBatch).max() ?? 0)
        for index in rows.indices {
            for place in rows[index].passes.indices {
                let virtualStage = rows[index].passes[place].virtualStage
                rows[index].passes[place].entry.chunk = shape.chunk(of: virtualStage)
            }
        }
        checkPasses(shape, microBatches: microBatches)
        guard hasNoErrors else { return nil }
        let schedule = PipelineSchedule(
            virtualStages: shape, microBatches: microBatches,
            entries: rows.map { $0.passes.map(\.entry) })
        checkEnd(schedule)
        return hasNoErrors ? schedule : nil
    }

    private var hasNoErrors: Bool { !problems.contains { $0.severity == .error } }

    mutating func report(
        _ code: DiagnosticCode, severity: Diagnostic.Severity = .error,
        at location: Diagnostic.Location, _ problem: String, details: [String] = [],
        expected: String? = nil, hint: String? = nil
    ) {
        problems.append(
            Diagnostic(
                code, severity: severity, location: location, path: "plan.schedule_file",
                problem: problem, details: details, expected: expected, hint: hint))
    }

    func location(_ row: Row, _ pass: Pass? = nil) -> Diagnostic.Location {
        Diagnostic.Location(file: file, line: row.line, column: pass?.column ?? 1)
    }

    /// Reads the cells; lines without any text are passed over.
    private mutating func readRows(_ text: String) {
        let bare = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        let lines = bare.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            var row = Row(line: index + 1)
            var column = 1
            for cell in line.split(separator: ",", omittingEmptySubsequences: false) {
                read(cell, column: column, into: &row)
                column += cell.unicodeScalars.count + 1
                guard problems.count < FileLimits.problemCount else { return }
            }
            rows.append(row)
        }
    }

    private mutating func read(_ cell: Substring, column: Int, into row: inout Row) {
        let text = cell.drop(while: \.isWhitespace)
        let column = column + (cell.unicodeScalars.count - text.unicodeScalars.count)
        guard !text.isEmpty else { return }
        let location = Diagnostic.Location(file: file, line: row.line, column: column)
        let bare = text.lastIndex { !$0.isWhitespace }.map { text[...$0] } ?? text
        switch ScheduleCell(bare) {
        case .pass(let pass, let virtualStage, let microBatch):
            row.passes.append(
                Pass(
                    entry: ScheduleEntry(pass, microBatch),
                    virtualStage: virtualStage ?? rows.count, column: column))
        case .communication:
            communications += 1
            firstCommunication = firstCommunication ?? location
        case nil:
            report(
                .csvSyntax, at: location,
                "the cell `\(excerpt(String(bare)))` is no pass of a schedule",
                expected: ScheduleCell.expected
                    + ", numbered up to \(grouped(ScheduleCell.indexMax))",
                hint: bare.contains("OVERLAP") || bare.contains(";")
                    ? "passes that overlap are written one after the other: `0F3,1B0`" : nil)
        }
    }

    /// How the virtual stages lie on the rows: round robin, or down the rows and back up.
    private mutating func placement() -> VirtualStages {
        let found = rows.map { Set($0.passes.map(\.virtualStage)).sorted() }
        let stages = rows.count
        let chunks = max(1, found.map(\.count).max() ?? 1)
        let loop = VirtualStages(stages: stages, chunks: chunks)
        var candidates = [loop]
        if chunks == 2, stages > 1 {
            let turned = VirtualStages(stages: stages, chunks: 2, isV: true)
            candidates = found[0].last == 2 * stages - 1 ? [turned, loop] : [loop, turned]
        }
        func held(_ shape: VirtualStages, by stage: Int) -> [Int] {
            (0..<chunks).map { shape.index(stage: stage, chunk: $0) }
        }
        let shape = candidates[0]
        for (stage, row) in rows.enumerated() where found[stage] != held(shape, by: stage) {
            let choices = candidates.map { "\(names(held($0, by: stage))) (\(name($0)))" }
            let has = found[stage].isEmpty ? "no pass" : "virtual \(names(found[stage]))"
            report(
                .scheduleFile, at: location(row, row.passes.first),
                "the row of stage \(stage) has \(has)",
                expected: "\(alternatives(choices)), as \(counted(stages, "row", "rows")) with "
                    + "\(counted(chunks, "chunk", "chunks")) each hold them")
            guard problems.count < FileLimits.problemCount else { break }
        }
        return shape
    }

    private func names(_ stages: [Int]) -> String {
        let shown = stages.prefix(8).map(String.init).joined(separator: ", ")
        let rest = stages.count > 8 ? ", …" : ""
        return "\(stages.count == 1 ? "stage" : "stages") \(shown)\(rest)"
    }

    private func name(_ shape: VirtualStages) -> String {
        shape.isV ? "down the rows and back up" : "round robin"
    }
}
