import ApusTestSupport
import Foundation
import Testing

@Suite("apus validate", .serialized, .timeLimit(.minutes(1)))
struct ValidateCommandTests {
    private let table = "Tests/Fixtures/measurements/simumax_b200_megatron.csv"

    @Test("the errors as JSON are one document, by source and quantity")
    func printsJSON() throws {
        let answer = try ApusProcess.run("validate", table, "--json")
        #expect(answer.status == 0)
        #expect(answer.errors.isEmpty)
        let data = Data(answer.output.utf8)
        let document = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        let sources = try #require(document?["sources"] as? [[String: Any]])
        let times = try #require(sources.first { $0["quantity"] as? String == "step_time" })
        #expect(times["source"] as? String == "simumax-b200")
        #expect(times["rows"] as? Int == times["scored"] as? Int)
        #expect(times["skipped"] as? [String: Int] == [:])
        for key in ["mape", "max", "bias", "spearman"] { #expect(times[key] is Double) }
        #expect(times["underpredicted_over_5pct"] is Int)
    }

    @Test("the table names each source, and --rows writes every row")
    func printsTable() throws {
        let folder = try TestFolder()
        let rows = folder.path + "/rows.csv"
        let answer = try ApusProcess.run("validate", table, "--rows", rows, "--worst", "1")
        #expect(answer.status == 0)
        #expect(answer.output.hasPrefix("source "))
        #expect(answer.output.contains("\nsimumax-b200  step_time "))
        let written = try String(contentsOfFile: rows, encoding: .utf8)
        let lines = try Repository.text(table).split(separator: "\n").count
        #expect(written.split(separator: "\n").count == lines)
    }

    @Test("--rows overwrites a file only with --force, an input or what is no file never")
    func keepsFiles() throws {
        let folder = try TestFolder()
        let rows = try folder.write("precious", to: "rows.csv")
        let refused = try ApusProcess.run("validate", table, "--rows", rows)
        #expect(refused.status == 2)
        #expect(refused.output.isEmpty)
        #expect(refused.errors.contains("error: the file exists already  [system]"))
        #expect(try folder.text("rows.csv") == "precious")
        let forced = try ApusProcess.run("validate", table, "--rows", rows, "--force")
        #expect(forced.status == 0)
        #expect(try folder.text("rows.csv").hasPrefix("precious") == false)

        let input = try folder.write(try Repository.text(table), to: "input.csv")
        let link = "\(folder.path)/link.csv"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: input)
        for path in [input, link] {
            let own = try ApusProcess.run("validate", input, "--rows", path, "--force")
            #expect(own.status == 2)
            #expect(own.errors.contains("error: the file to write is one of the inputs"))
        }
        #expect(try folder.text("input.csv") == Repository.text(table))
        let device = try ApusProcess.run("validate", table, "--rows", "/dev/null", "--force")
        #expect(device.status == 2)
        #expect(device.errors.contains("the path is that of a device"))
    }

    @Test("a source that no table has gives an empty answer")
    func filtersSources() throws {
        let answer = try ApusProcess.run("validate", table, "--source", "other", "--json")
        #expect(answer.status == 0)
        let document = try JSONSerialization.jsonObject(with: Data(answer.output.utf8))
        let sources = (document as? [String: Any])?["sources"] as? [Any]
        #expect(sources?.isEmpty == true)
    }

    @Test("the problems of all files are reported at once, with status 2 and nothing on stdout")
    func reportsProblems() throws {
        let folder = try TestFolder()
        let broken = try folder.write("m,n,k,time_ms\n\"", to: "broken.csv")
        let other = try folder.write("model,tp\n", to: "other.csv")
        let answer = try ApusProcess.run("validate", broken, other, "/nowhere.csv")
        #expect(answer.status == 2)
        #expect(answer.output.isEmpty)
        let text = answer.errors.replacing(folder.path, with: "FOLDER")
        #expect(text.contains("FOLDER/broken.csv:2:1: error: a quoted cell has no end"))
        #expect(text.contains("FOLDER/other.csv:1:1: error: the columns "))
        #expect(text.contains("error: cannot open `/nowhere.csv`"))
    }

    @Test("a table of something else is named and passed over")
    func namesOtherTables() throws {
        let folder = try TestFolder()
        let kernels = try folder.write("m,n,k,time_ms\n1,2,3,4\n", to: "kernels.csv")
        let answer = try ApusProcess.run("validate", kernels)
        #expect(answer.status == 0)
        #expect(
            answer.errors.replacing(folder.path, with: "FOLDER")
                == "FOLDER/kernels.csv: 1 row of kernel times of matrix products, not "
                + "measurements of training steps\n")
    }
}
