import ApusTestSupport
import Foundation
import Testing

@testable import ApusPlan

@Suite("apus calibrate", .serialized, .timeLimit(.minutes(3)))
struct CalibrateCommandTests {
    @Test("logs and traces of other clusters become one cluster with its sources")
    func readsLogs() throws {
        let folder = try TestFolder()
        let process = try ApusProcess(
            [
                "calibrate", "--from", "Tests/Fixtures/logs/nccl-all-reduce.txt",
                "Tests/Fixtures/logs/kineto.json", "Tests/Fixtures/logs/megatron.txt",
                "--gpu", "h100-sxm", "-o", "\(folder.path)/cluster.yaml",
            ], folder: folder)
        let outcome = try process.end(within: 20)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        #expect(outcome.output.contains("nccl-tests   Tests/Fixtures/logs/nccl-all-reduce.txt"))
        let cluster = try #require(try read("\(folder.path)/cluster.yaml"))
        #expect(cluster.gpu == GPU.preset("h100-sxm"))
        #expect(cluster.nodeCount == 2)
        let found = try #require(cluster.calibration)
        #expect(found.sources.map(\.kind) == ["nccl-tests", "kineto", "megatron-lm"])
        #expect(found.products.count == 1 && found.attention.count == 1)
        #expect(found.collectives.count == 5)
    }

    @Test("every file that cannot be read is told, with status 2 and no output")
    func refusesFiles() throws {
        let folder = try TestFolder()
        let notes = try folder.write("hello\n", to: "notes.txt")
        let outcome = try ApusProcess(
            ["calibrate", "--from", notes, "\(folder.path)/missing"], folder: folder
        ).end(within: 20)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("the file is no log that Apus knows  [log-format]"))
        #expect(outcome.errors.contains("missing"))
    }

    @Test(
        "this machine is measured, and a deployment on it is simulated with what was found",
        .enabled(if: TrainingRun.hasEngine))
    func measures() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/machine.yaml"
        let process = try ApusProcess(
            ["calibrate", "Plans/small.yaml", "--quick", "--ranks", "4", "-o", path],
            folder: folder)
        let outcome = try process.end(within: 120)
        #expect(outcome.status == 0, "\(outcome.transcript)")
        #expect(outcome.errors.contains("calibrating: collectives of 4 ranks"))
        #expect(process.alive.isEmpty)
        let cluster = try #require(try read(path))
        let found = try #require(cluster.calibration)
        #expect(cluster.gpusPerNode == 4 && cluster.cores != nil)
        #expect(found.products.contains { $0.groups > 1 })
        #expect(Set(found.kernels.map(\.kind)) == Set(Calibration.KernelKind.allCases))
        #expect(Set(found.collectives.map(\.ranks)) == [2, 4])
        #expect(found.products.allSatisfy { $0.microseconds > 0 && $0.spread != nil })
        let source = try #require(found.sources.first)
        #expect(source.kind == "apus" && source.machine?.contains("cores") == true)
        #expect(source.command?.contains("calibrate Plans/small.yaml --quick") == true)
        #expect(source.date?.hasSuffix("Z") == true)

        let whole = try String(
            contentsOf: Repository.root.appending(path: "Plans/small.yaml"), encoding: .utf8)
        let start = try #require(whole.firstRange(of: "cluster:"))
        let end = try #require(whole.firstRange(of: "workload:"))
        let plan = try folder.write(
            whole[..<start.lowerBound]
                + "cluster: { nodes: 1, gpus_per_node: 4, calibration: machine.yaml }\n"
                + whole[end.lowerBound...], to: "plan.yaml")
        let simulated = try ApusProcess(
            ["simulate", plan, "--json"], folder: folder, name: "simulate"
        ).end(within: 20)
        #expect(simulated.status == 0, "\(simulated.transcript)")
        let answer = try JSONSerialization.jsonObject(with: Data(simulated.output.utf8))
        let time = try #require((answer as? [[String: Any]])?.first?["step_time_s"] as? Double)
        // Two to three thousand operations of microseconds, and some hundred small messages.
        #expect((0.005...5).contains(time))
    }

    @Test(
        "Ctrl-C ends the measurement with status 130 and leaves no process",
        .enabled(if: TrainingRun.hasEngine))
    func interrupts() throws {
        let folder = try TestFolder()
        let process = try ApusProcess(
            ["calibrate", "--ranks", "3", "-o", "\(folder.path)/x.yaml"], folder: folder)
        #expect(waits(upTo: 30) { process.started.count == 3 || process.hasEnded })
        process.send(SIGINT)
        let outcome = try process.end(within: 20)
        #expect(outcome.status == 130, "\(outcome.transcript)")
        #expect(process.alive.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/x.yaml"))
    }

    private func read(_ path: String) throws -> Cluster? {
        let bytes = Array(try Data(contentsOf: URL(filePath: path)))
        return try readDeploymentParts(bytes: bytes, file: path) { _ in [] }.cluster
    }
}
