import ApusBase
import Testing

@testable import ApusValidation

@Suite("Comma-separated values")
struct CSVReaderTests {
    private func records(_ text: String) throws -> [[String]] {
        var reader = CSVReader(Array(text.utf8), file: "rows.csv")
        var result: [[String]] = []
        while let record = try reader.next() { result.append(record.cells) }
        return result
    }

    @Test("quoted cells hold commas, line breaks and quotes")
    func readsQuotes() throws {
        #expect(
            try records("a,\"b,\"\"c\"\"\n d\",\r\n\"\",x,\n")
                == [["a", "b,\"c\"\n d", ""], ["", "x", ""]])
    }

    @Test("a byte-order mark, empty lines and a missing last line break are passed over")
    func passesOver() throws {
        #expect(try records("\u{FEFF}a,b\n\n\r\n1,2") == [["a", "b"], ["1", "2"]])
        #expect(try records("") == [])
        #expect(try records("\n\n") == [])
    }

    @Test("what is quoted cell by cell reads back the same", arguments: 0..<200 as Range<UInt64>)
    func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let letters: [Character] = ["a", ",", "\"", "\n", "é", " ", "7", "\r\n"]
        let columns = Int.random(in: 1...5, using: &generator)
        let table = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
            (0..<columns).map { _ in
                let count = Int.random(in: 0...6, using: &generator)
                return String(
                    (0..<count).map { _ in letters.randomElement(using: &generator) ?? "a" })
            }
        }
        let text = table.map { row in
            row.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ",") + "\n"
        }.joined()
        #expect(try records(text) == table)
    }

    @Test(
        "each way to break a table is named with its place",
        arguments: [
            (
                "a,b\n1,\"x\n2,3\n",
                """
                rows.csv:2:3: error: a quoted cell has no end  [csv-syntax]
                  expected: a closing `"`
                  hint: a quote inside a quoted cell is doubled: `""`
                """
            ),
            (
                "a,b\n1,x\"y\"\n",
                """
                rows.csv:2:4: error: a quote stands inside a cell that does not begin with one  \
                [csv-syntax]
                  expected: a cell that is quoted as a whole, with each inner quote doubled
                """
            ),
            (
                "a,b\n\"1\n\"x,2\n",
                """
                rows.csv:3:2: error: text follows a quoted cell  [csv-syntax]
                  expected: a comma or the end of the line
                  hint: a quote inside a quoted cell is doubled: `""`
                """
            ),
            (
                "a,b\n1,2\n1,2,3\n",
                """
                rows.csv:3:1: error: the record has more cells, the first line names 2 columns  \
                [csv-syntax]
                  expected: 2 cells
                  hint: a cell with a comma or a line break in it is quoted
                """
            ),
            (
                String(repeating: ",", count: 300),
                """
                rows.csv:1:1: error: the first line has more than 256 columns  [csv-syntax]
                  expected: at most 256
                  hint: is this a table of comma-separated values?
                """
            ),
            (
                "a,b\n" + String(repeating: "x", count: 70_000),
                """
                rows.csv:2:1: error: a cell has 70 000 bytes  [csv-syntax]
                  expected: at most 65 536
                  hint: a stray quote joins everything up to the next one
                """
            ),
        ])
    func namesPlace(text: String, message: String) {
        do throws(Problems) {
            var reader = CSVReader(Array(text.utf8), file: "rows.csv")
            while try reader.next() != nil {}
            Issue.record("the table was read")
        } catch {
            #expect(error.diagnostics.map(\.description) == [message])
        }
    }

    @Test("a cell that is no UTF-8 is named with its place")
    func refusesEncoding() {
        var reader = CSVReader(Array("a,é,".utf8) + [0xFF], file: "rows.csv")
        do throws(Problems) {
            _ = try reader.next()
            Issue.record("the table was read")
        } catch {
            #expect(
                error.diagnostics.map(\.description) == [
                    """
                    rows.csv:1:5: error: the cell is not UTF-8  [file-encoding]
                      expected: text in UTF-8
                      hint: save the file as UTF-8, for example with `iconv -t UTF-8`
                    """
                ])
        }
    }
}
