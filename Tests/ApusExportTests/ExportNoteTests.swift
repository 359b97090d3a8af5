import ApusBase
import ApusPlan
import ApusTestSupport
import Foundation
import Testing

@testable import ApusExport

@Suite("Notes of an export")
struct ExportNoteTests {
    /// The example of ApusExport.
    @Test("the document's plan loses something on its way to Megatron-LM")
    func exportsDocument() throws {
        let read = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .megatron)
        let (deployment, plan) = (read.deployment, read.plan)
        let request = ExportRequest(
            deployment: deployment, plan: plan, target: .megatron, file: "plan.yaml", length: 4096)
        let export = try request.export()
        #expect(export.files.map(\.name) == ["megatron-4096.sh"])
        #expect(export.isLossy)
    }

    @Test("a loss says where, what, and what happens instead")
    func tellsLoss() throws {
        let notes = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .megatron).export()
            .notes
        let note = try #require(notes.first { $0.path == "routing.overflow" })
        #expect(
            "\(note)" == """
                Plans/strategy-16gpu.yaml:57:3: warning: Megatron-LM cannot express \
                `routing.overflow: reroute`  [export-loss]
                  instead: assignments over the capacity are dropped, those of the smallest scores \
                first
                """)
    }

    @Test("a schedule written by hand is lost everywhere, and its file named")
    func losesWrittenSchedule() throws {
        let entries = ScheduleEntry.Pass.allCases.prefix(2).flatMap { pass in
            (0..<16).map { ScheduleEntry(pass, $0) }
        }
        let schedule = PipelineSchedule(
            virtualStages: VirtualStages(stages: 4), microBatches: 16,
            entries: Array(repeating: entries, count: 4))
        for target in [ExportTarget.megatron, .deepspeed, .torchtitan] {
            var request = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: target)
            request.plan.schedule = .written(WrittenSchedule(file: "mine.csv", schedule: schedule))
            let lost = try request.export().notes.filter { $0.path == "plan.schedule_file" }
            #expect(lost.count == 1)
            #expect(lost.allSatisfy { $0.problem.contains("`plan.schedule_file: mine.csv`") })
        }
    }

    @Test("what the options express is not told as lost, quoted or not", arguments: ["", "\""])
    func tellsNoExpressedKey(quote: String) throws {
        var request = try ExportFixture.request(
            "Tests/Fixtures/Exports/latent-attention.yaml", to: .megatron)
        request.deployment.model.variations = [
            ModelVariation(key: "scoring_func", value: "\(quote)sigmoid\(quote)"),
            ModelVariation(
                key: "quantization_config",
                value: "{ fmt: \(quote)e4m3\(quote), quant_method: \(quote)fp8\(quote), "
                    + "weight_block_size: [128, 128] }"),
        ]
        func lost() throws -> [String?] {
            try request.export().notes.map(\.path).filter {
                $0 == "model.scoring_func" || $0 == "model.quantization_config"
            }
        }
        request.deployment.workload.precision = .fp8
        #expect(try lost().isEmpty)
        let script = try #require(try request.export().files.first).text
        #expect(script.contains("--moe-router-score-function sigmoid"))
        #expect(script.contains("--fp8-format e4m3") && script.contains("--fp8-recipe blockwise"))
        request.deployment.workload.precision = .bf16
        #expect(try lost() == ["model.quantization_config"])
    }

    @Test("a value with which a target does not start is told with the numbers")
    func tellsRefusal() throws {
        var request = try ExportFixture.request(
            "Tests/Fixtures/Exports/context-parallel.yaml", to: .megatron)
        request.length = 1022
        let note = try #require(request.export().notes.first { $0.path == "plan.context_parallel" })
        #expect(
            "\(note)" == """
                Tests/Fixtures/Exports/context-parallel.yaml:19:3: warning: Megatron-LM does not \
                start with `plan.context_parallel: 2`  [export-loss]
                  1022 tokens are no multiple of 2 × 2
                """)
    }

    @Test("nodes are assumed and told where the deployment names no cluster")
    func assumesCluster() throws {
        var request = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .torchtitan)
        request.deployment.cluster = nil
        request.positions = KeyPositions()
        let export = try request.export()
        let note = try #require(export.notes.first { $0.severity == .note })
        #expect(
            "\(note)" == """
                note: the deployment has no `cluster`; 2 × 8 GPUs are assumed  [export-assumption]
                """)
        request.plan.degrees.data = 3
        request.plan.degrees.pipeline = 7
        #expect(
            try request.export().notes.contains { $0.problem.contains("3 × 7 GPUs") })
    }

    @Test("notes are sorted by place, and each stands once")
    func sortsNotes() throws {
        for file in ExportFixture.files {
            for target in ExportTarget.allCases {
                let notes = try ExportFixture.request(file, to: target).export().notes
                #expect(Set(notes).count == notes.count)
                let lines = notes.compactMap(\.location?.line)
                #expect(lines == lines.sorted())
            }
        }
    }

    @Test("a length that no bucket holds is an error")
    func refusesLength() throws {
        let request = try ExportFixture.request(
            "Plans/strategy-16gpu.yaml", to: .megatron, length: 20_000)
        let problems = #expect(throws: Problems.self) { _ = try request.export() }
        #expect(problems?.diagnostics.map(\.code) == [.sequenceLength])
    }

    @Test("every note of a job stands in its file")
    func writesComments() throws {
        for target in [ExportTarget.megatron, .torchtitan, .slurm, .kubernetes] {
            let export = try ExportFixture.request(
                "Tests/Fixtures/Exports/latent-attention.yaml", to: target
            ).export()
            // Comments are wrapped.
            let text = export.files.map(\.text).joined().split { " #\n".contains($0) }
                .joined(separator: " ")
            #expect(!export.notes.isEmpty)
            for detail in export.notes.flatMap(\.details) {
                #expect(text.contains(detail.replacing("#", with: "")), "\(detail)")
            }
        }
    }

    @Test("the table of the documentation has every key of a deployment's file")
    func documentsKeys() throws {
        let page = try Repository.text("docs/export.md")
        let deployment = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .slurm)
            .deployment
        let sections = deployment.text().split(separator: "\n\n")
        for name in ["workload", "plan", "routing"] {
            let section = try #require(sections.first { $0.hasPrefix("\(name):") })
            for line in section.split(separator: "\n").dropFirst() where line.hasPrefix("  ") {
                guard let key = line.firstMatch(of: /^  ([a-z_]+):/)?.1 else { continue }
                #expect(page.contains("`\(key)`") || page.contains("`\(name).\(key)`"), "\(key)")
            }
        }
    }
}
