import ApusTestSupport
import Foundation
import Testing

@Suite("apus export", .serialized, .timeLimit(.minutes(1)))
struct ExportCommandTests {
    private let strategy = "Plans/strategy-16gpu.yaml"

    @Test("files go to a folder, scripts executable, and their paths to stdout")
    func writesFiles() throws {
        let folder = try TestFolder()
        let target = "\(folder.path)/new folder"
        let export = try ApusProcess.run("export", strategy, "--to", "deepspeed", "-o", target)
        #expect(export.status == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: target)
        #expect(names.count == 10)
        #expect(
            Set(export.output.split(separator: "\n").map(String.init))
                == Set(names.map { "\(target)/\($0)" }))
        for name in names {
            #expect(
                FileManager.default.isExecutableFile(atPath: "\(target)/\(name)")
                    == name.hasSuffix(".sh"))
        }
        #expect(export.errors.contains("  [export-loss]\n"))
    }

    @Test("files that are there are listed, and overwritten only with `--force`")
    func keepsFiles() throws {
        let folder = try TestFolder()
        let names = ["megatron-128.sh", "megatron-1024.sh"]
        for name in names { _ = try folder.write("precious", to: name) }
        let refused = try ApusProcess.run(
            "export", strategy, "--to", "megatron", "-o", folder.path)
        #expect(refused.status == 2)
        #expect(refused.output.isEmpty)
        #expect(refused.errors.contains("error: 2 files exist already"))
        for name in names {
            #expect(refused.errors.contains("\(folder.path)/\(name)"))
            #expect(try folder.text(name) == "precious")
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/megatron-4096.sh"))
        let forced = try ApusProcess.run(
            "export", strategy, "--to", "megatron", "-o", folder.path, "--force")
        #expect(forced.status == 0)
        #expect(try folder.text(names[0]).hasPrefix("#!"))
    }

    @Test("one file goes to stdout as it is, several under their names")
    func printsFiles() throws {
        let one = try ApusProcess.run("export", strategy, "--to", "megatron", "--length", "4096")
        #expect(one.status == 0)
        #expect(one.output == (try Repository.text("Tests/Snapshots/export-megatron-4096.txt")))
        let all = try ApusProcess.run("export", strategy, "--to", "megatron")
        let heads = all.output.split(separator: "\n").filter { $0.hasPrefix("==> ") }
        #expect(
            heads == [128, 1024, 4096, 10_240].map { "==> megatron-\($0).sh <==" })
        #expect(all.output.contains(one.output.dropLast()))
    }

    @Test("as JSON the files and notes are one document on stdout, and the notes on stderr too")
    func printsJSON() throws {
        let export = try ApusProcess.run(
            "export", strategy, "--to", "torchtitan", "--length", "128", "--json")
        let document = try #require(
            JSONSerialization.jsonObject(with: Data(export.output.utf8)) as? [String: Any])
        #expect(document["target"] as? String == "torchtitan")
        let files = try #require(document["files"] as? [[String: Any]])
        #expect(files.map { $0["name"] as? String } == ["apus_torchtitan.py", "torchtitan-128.sh"])
        #expect(files.map { $0["executable"] as? Bool } == [false, true])
        let notes = try #require(document["notes"] as? [[String: Any]])
        #expect(notes.allSatisfy { $0["code"] as? String == "export-loss" })
        #expect(export.errors.ranges(of: "[export-loss]").count == notes.count)
    }

    @Test("`--strict` answers no where something is lost")
    func answersNo() throws {
        let lossy = try ApusProcess.run("export", strategy, "--to", "megatron", "--strict")
        #expect(lossy.status == 1)
        #expect(lossy.output.contains("==> megatron-128.sh <=="))
        let whole = try ApusProcess.run(
            "export", "Plans/small.yaml", "--to", "megatron", "--strict")
        #expect(whole.status == 0)
        #expect(whole.errors.isEmpty)
    }

    @Test("a deployment without a plan, and a folder that cannot be written, give no answer")
    func givesNoAnswer() throws {
        let folder = try TestFolder()
        let small = try Repository.text("Plans/small.yaml")
        let start = try #require(small.range(of: "\nplan:"))
        let end = try #require(small.range(of: "\nrun:"))
        let file = try folder.write(
            String(small[..<start.lowerBound] + small[end.lowerBound...]), to: "planless.yaml")
        let planless = try ApusProcess.run("export", file, "--to", "slurm")
        #expect(planless.status == 2)
        #expect(planless.errors.contains("  [plan-missing]\n"))
        #expect(planless.output.isEmpty)
        let unwritable = try ApusProcess.run(
            "export", strategy, "--to", "megatron", "-o", "/proc/none/such")
        #expect(unwritable.status == 2)
        #expect(unwritable.errors.contains("error: cannot write the files to `/proc/none/such`"))
    }
}
