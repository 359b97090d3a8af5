import ApusPlan
import ApusTestSupport
import Foundation
import Testing

@testable import ApusExport

@Suite("Export to Slurm and Kubernetes")
struct BatchSystemTests {
    @Test("a batch script asks for the cluster's nodes and a task for each GPU")
    func asksForNodes() throws {
        let files = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .slurm).export()
            .files
        #expect(
            files.map(\.name)
                == [128, 1024, 4096, 10_240].map { "slurm-\($0).sbatch" })
        try expectSnapshot(files[2].text, named: "export-slurm-4096")
    }

    @Test("directives stand before the first command, where sbatch reads them")
    func ordersDirectives() throws {
        for file in ExportFixture.files {
            for script in try ExportFixture.request(file, to: .slurm).export().files {
                let lines = script.text.split(separator: "\n")
                let last = try #require(lines.lastIndex { $0.hasPrefix("#SBATCH ") })
                #expect(lines[...last].allSatisfy { $0.hasPrefix("#") })
            }
        }
    }

    @Test("a rank of a batch script gets its place and runs the command with its file as it is")
    func startsRanks() throws {
        var request = try ExportFixture.request("Plans/small.yaml", to: .slurm)
        request.file = "a b/it's $(x).yaml"
        let text = try #require(request.export().files.first?.text)
        let stubs = """
            scontrol() { printf 'h1\\nh2\\n'; }
            srun() { shift; SLURM_PROCID=3 SLURM_LOCALID=1 SLURM_NTASKS=4 "$@"; }
            SLURM_JOB_ID=12345 SLURM_JOB_NODELIST='h[1-2]'

            """
        let probe = "python3 \"$RANK\" \"$LOCAL_RANK\" \"$WORLD_SIZE\" \"$LOCAL_WORLD_SIZE\" "
        let script = text.replacing("exec \"$@\"", with: probe + "\"$MASTER_ADDR\" \"$@\"")
        let words = try ShellRun(stubs + script).arguments(with: ["--data", "x y"])
        #expect(
            words == [
                "3", "1", "4", "4", "h1", "apus", "train", "a b/it's $(x).yaml",
                "--sequence-length", "64", "--sequences", "8", "--device", "cpu", "--data", "x y",
            ])
    }

    @Test("a framework's files come along, once each", arguments: ExportFramework.allCases)
    func bringsFiles(framework: ExportFramework) throws {
        let request = try ExportFixture.request(
            "Plans/strategy-16gpu.yaml", to: .slurm, framework: framework)
        let files = try request.export().files
        #expect(Set(files.map(\.name)).count == files.count)
        guard let target = ExportTarget(rawValue: framework.rawValue) else { return }
        let own = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: target).export().files
        for file in own { #expect(files.contains(file), "\(file.name)") }
    }

    @Test("a manifest has a pod for each node with all its GPUs, and a name to find the first")
    func writesManifest() throws {
        let request = try ExportFixture.request(
            "Plans/strategy-16gpu.yaml", to: .kubernetes, framework: .megatron, length: 4096)
        let file = try #require(request.export().files.first)
        try expectSnapshot(file.text, named: "export-kubernetes-4096")
        let apus = try ExportFixture.request("Plans/small.yaml", to: .kubernetes).export().files
        try expectSnapshot(apus[0].text, named: "export-kubernetes-small")
    }

    @Test("GPUs are asked of the plug-in of their vendor, processors where there are none")
    func asksForDevices() throws {
        func text(_ file: String) throws -> String {
            try #require(ExportFixture.request(file, to: .kubernetes).export().files.first?.text)
        }
        #expect(
            try text("Tests/Fixtures/Exports/attention-sinks.yaml").contains("amd.com/gpu: 8\n"))
        #expect(
            try text("Tests/Fixtures/Exports/context-parallel.yaml").contains("nvidia.com/gpu: 8\n")
        )
        #expect(try text("Plans/small.yaml").contains("cpu: 2\n"))
    }

    @Test("a hostile file name changes neither the objects nor the script", arguments: hostileNames)
    func resistsNames(name: String) throws {
        for target in [ExportTarget.slurm, .kubernetes] {
            var request = try ExportFixture.request("Plans/small.yaml", to: target)
            request.file = name
            let text = try #require(request.export().files.first?.text)
            #expect(text.contains("\n#SBATCH --job-name=") == (target == .slurm))
            let forged = text.split(separator: "\n").filter { $0.hasPrefix("#SBATCH --forged") }
            #expect(forged.isEmpty)
            #expect(text.split(separator: "\n").filter { $0 == "kind: Secret" }.isEmpty)
        }
    }

    private static let hostileNames = [
        "x\n#SBATCH --forged=1\n", "x\n---\nkind: Secret\n", "$(reboot).yaml", "'; reboot; '",
        "--option", "名前.yaml", "",
    ]
}
