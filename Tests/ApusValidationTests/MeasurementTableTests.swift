import ApusBase
import Testing

@testable import ApusValidation

@Suite("Tables of measurements")
struct MeasurementTableTests {
    @Test("a table is read in whatever order its columns stand, with others beside them")
    func readsColumns() throws {
        let header = Column.allCases.reversed().map(\.rawValue).joined(separator: ",") + ",extra"
        let row = MeasuredRow.dense
        let cells = Column.allCases.reversed().map { row[$0] }.joined(separator: ",") + ",x"
        let table = try readMeasurements(Array("\(header)\n\(cells)\n".utf8), file: "rows.csv")
        #expect(table.kind == .steps)
        #expect(table.recordCount == 1)
        #expect(table.rows == [row])
    }

    @Test("missing and repeated columns are named at once")
    func namesColumns() {
        let names = Column.allCases.map(\.rawValue).filter { $0 != "mbs" && $0 != "gbs" }
        #expect(
            messages("model," + names.joined(separator: ",") + "\n") == """
                rows.csv:1:1: error: the columns `mbs`, `gbs` are missing  [csv-column]
                  expected: \(Column.allCases.map(\.rawValue).joined(separator: ", "))
                rows.csv:1:21: error: the column `model` stands twice  [csv-column]
                  expected: each column once
                """)
    }

    @Test("columns that say nothing about the number may be missing")
    func sparesOptional() throws {
        let optional = Set(Column.allCases.filter(\.isOptional))
        #expect(optional.count == 6)
        let names = Column.allCases.filter { !optional.contains($0) }
        let text =
            names.map(\.rawValue).joined(separator: ",") + "\n"
            + names.map { MeasuredRow.dense[$0] }.joined(separator: ",")
        let table = try readMeasurements(Array(text.utf8), file: "rows.csv")
        #expect(table.rows.map(\.sourceKey) == ["rows.csv"])
    }

    @Test(
        "a number that nothing has is named with its place",
        arguments: ["nan", "-inf", "1e300", "-1", "99999999999999999999", "1e999"])
    func refusesNumbers(text: String) {
        let row = MeasuredRow.dense.with(.layers, text)
        #expect(
            messages(row.csv) == """
                rows.csv:2:18: error: `layers` is `\(text)`  [out-of-range]
                  expected: a number from 0 to 1024
                  hint: leave the cell empty where the source does not say
                """)
    }

    @Test(
        "text where a number should be is no error of the file", arguments: ["n/a", "two", "0x2"])
    func sparesText(text: String) {
        #expect(messages(MeasuredRow.dense.with(.layers, text).csv).isEmpty)
    }

    @Test("of very many problems the first are shown and the rest counted")
    func shortensProblems() {
        let row = MeasuredRow.dense.with(.layers, "-1").csv.split(separator: "\n")
        let text = row[0] + "\n" + String(repeating: row[1] + "\n", count: 150)
        #expect(
            messages(String(text)).hasSuffix(
                """
                rows.csv: error: 50 more problems are not shown  [more-problems]
                  hint: mend the ones above first
                """))
    }

    @Test("a file that is empty or too large is refused")
    func refusesSizes() {
        #expect(
            messages("") == """
                rows.csv: error: the file is empty  [csv-syntax]
                  expected: a line that names the columns
                """)
        #expect(
            messages(Array(repeating: UInt8(ascii: ","), count: 16 * 1024 * 1024 + 1)) == """
                rows.csv: error: the file is too large for a table of measurements and is not \
                read  [file-size]
                  expected: at most 16 777 216 bytes (16 MiB)
                  hint: split it; `apus validate` takes several files
                """)
    }

    @Test("a table has a greatest number of rows")
    func limitsRows() {
        let rows = String(repeating: "1,1,1,1\n", count: MeasurementTable.rowCountMax + 1)
        #expect(
            messages("m,n,k,time_ms\n" + rows) == """
                rows.csv:50002:1: error: the table has more than 50 000 rows  [count-limit]
                  expected: at most 50 000 rows
                """)
    }

    @Test(
        "tables of something else are recognised by their columns",
        arguments: [
            ("gpu,dtype,m,n,k,time_ms", MeasurementTable.Kind.products),
            ("gpu,tokens,hidden,experts,routing,time_ms", .expertKernels),
            ("gpu,batch,seq,heads,time_ms", .attentionKernels),
            ("system,collective,message_bytes", .collectives),
            ("id,silicon_ttft_ms", .serving),
            ("model,mem_err_pct,source", .otherTools),
            ("gpu,bf16_dense,hbm_gb", .hardware),
        ])
    func recognisesKinds(header: String, kind: MeasurementTable.Kind) throws {
        let table = try readMeasurements(Array("\(header)\n".utf8), file: "rows.csv")
        #expect(table.kind == kind)
        #expect(table.rows.isEmpty)
    }

    @Test(
        "damage to a table gives a message or rows, never a trap",
        arguments: 0..<300 as Range<UInt64>)
    func survivesDamage(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes = Array(MeasuredRow.sparse.csv.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: bytes.indices, using: &generator)
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            if Bool.random(using: &generator) {
                bytes[place] = byte
            } else {
                bytes.remove(at: place)
            }
        }
        guard let table = try? readMeasurements(bytes, file: "rows.csv") else { return }
        var validation = Validation(fillsIn: true)
        for row in table.rows { validation.add(row) }
        #expect(validation.rows.count == table.rows.count)
    }
}
