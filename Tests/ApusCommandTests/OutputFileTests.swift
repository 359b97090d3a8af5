import ApusTestSupport
import Foundation
import Testing

@Suite("Files that commands write", .serialized, .timeLimit(.minutes(1)))
struct OutputFileTests {
    @Test("a deployment from flags gets the gate that its model asks for")
    func derivesGate() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/found.yaml"
        let flags = ["--workload", "batch=64,length=1024,precision=fp8", "--top", "1", "-o", path]
        for (model, gate) in [("deepseek-v3", "group_limited"), ("olmoe-1b-7b", "softmax_top_k")] {
            let size = model == "deepseek-v3" ? "256xh200" : "8xh100-sxm"
            let outcome = try ApusProcess(
                ["plan", "--model", "Plans/models/\(model).json", "--cluster", size, "--force"]
                    + flags, folder: folder
            ).end(within: 60)
            #expect(outcome.status == 0)
            #expect(try folder.text("found.yaml").contains("  gate: \(gate)\n"))
        }
    }

    @Test("a folder, FIFO or device is not replaced, even with `--force` or behind a link")
    func keepsOddFiles() throws {
        let folder = try TestFolder()
        let pipe = "\(folder.path)/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        let link = "\(folder.path)/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/null")
        let odd = [(folder.path, "folder"), (pipe, "FIFO"), (link, "device")]
        for (path, kind) in odd {
            for flag in ["-o", "--pareto"] {
                let refused = try ApusProcess.run("plan", "Plans/small.yaml", flag, path, "--force")
                #expect(refused.status == 2)
                #expect(refused.output.isEmpty)
                #expect(refused.errors.contains("the path is that of a \(kind), not of a regular"))
            }
        }
        let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
        #expect(target == "/dev/null")
    }
}
