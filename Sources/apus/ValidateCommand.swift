import ApusBase
import ApusPlan
import ApusSystem
import ApusValidation
import ArgumentParser
import Foundation

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Predicts published measurements and prints the errors.",
        usage: "apus validate <csv> ... [options]",
        discussion: """
            A table has one measured quantity per row, beside the model, the hardware and the plan \
            that gave it. An error is that of the step time, or of the memory, as a share of what \
            was measured: positive where the prediction is too slow or too much. Rows that lack \
            something that a run tunes, such as the micro-batch, get the value that Apus finds \
            fastest and are summed up apart as `assumed`.

            Examples:
              apus validate measurements/*.csv
              apus validate simumax.csv --rows rows.csv --json
            """)

    @Argument(help: "Tables of measurements.")
    var files: [String]

    @Option(help: ArgumentHelp("Write every row with its prediction here.", valueName: "csv"))
    var rows: String?

    @Flag(help: "Overwrite the file of `--rows`, unless it is an input.")
    var force = false

    @Option(help: ArgumentHelp("Only this source; may be repeated.", valueName: "key"))
    var source: [String] = []

    @Flag(help: "Skip rows that lack something instead of filling it in.")
    var published = false

    @Option(help: ArgumentHelp("How many of the worst rows to show.", valueName: "count"))
    var worst = 3

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(worst, of: "--worst", in: 0...1000)
        if force, rows == nil { throw ValidationError("`--force` goes with `--rows`") }
    }

    func run() throws {
        try answering(options) {
            try refuseToOverwrite(rows.map { [$0] } ?? [], force: force, inputs: files)
            let tables = try readTables()
            let validation = predict(
                tables.flatMap(\.rows).filter {
                    source.isEmpty || source.contains($0.sourceKey)
                })
            if let rows {
                try writeFileAtomically(Array(validation.rowsCSV.utf8), to: rows)
            }
            let others = tables.filter { $0.kind != .steps }
            if options.json {
                return try printJSON(ValidationRecord(validation, otherTables: others))
            }
            for line in validation.text(worstCount: worst) { printLine(line) }
            for table in others where !options.quiet {
                printMessage(
                    "\(table.file): \(counted(table.recordCount, "row", "rows")) of "
                        + "\(table.kind.rawValue), not measurements of training steps")
            }
        }
    }

    /// Reads all files, so that the problems of all are reported at once.
    private func readTables() throws(Problems) -> [MeasurementTable] {
        var tables: [MeasurementTable] = []
        var problems: [Diagnostic] = []
        for file in files {
            do throws(Problems) {
                tables.append(try readMeasurements(try bytes(of: file), file: file))
            } catch {
                problems += error.diagnostics
            }
        }
        guard problems.isEmpty else { throw Problems(problems) }
        return tables
    }

    private func bytes(of file: String) throws(Problems) -> [UInt8] {
        do throws(SystemError) {
            return try readFile(file, limit: MeasurementTable.size.count)
        } catch {
            throw Problems([error.code == EFBIG ? measurementsTooLarge(file) : error.diagnostic])
        }
    }

    private func predict(_ rows: [MeasuredRow]) -> Validation {
        var validation = Validation(fillsIn: !published)
        let clock = ContinuousClock()
        var last = clock.now
        for (index, row) in rows.enumerated() {
            validation.add(row)
            guard !options.quiet, clock.now - last > .seconds(1) else { continue }
            last = clock.now
            printMessage("validate: \(index + 1) of \(rows.count) rows")
        }
        return validation
    }
}
