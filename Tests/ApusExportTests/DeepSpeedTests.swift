import ApusBase
import ApusPlan
import ApusTestSupport
import Foundation
import Testing

@testable import ApusExport

@Suite("Export to DeepSpeed")
struct DeepSpeedTests {
    @Test("every key of the configuration is one that DeepSpeed reads")
    func knowsKeys() throws {
        let known = try KnownOptions()
        for job in try ExportFixture.jobs() {
            for key in keys(of: try configuration(job)) {
                #expect(known.option(key, of: "deepspeed") != nil, "\(key)")
            }
        }
    }

    @Test("the batch is the product of micro-batch, accumulation and data ranks")
    func multiplies() throws {
        for job in try ExportFixture.jobs() {
            let settings = settings(job)
            let values = try configuration(job)
            let batch = try #require(values["train_batch_size"] as? Int)
            let micro = try #require(values["train_micro_batch_size_per_gpu"] as? Int)
            let steps = try #require(values["gradient_accumulation_steps"] as? Int)
            #expect(batch == micro * steps * settings.dataRanks)
            let shared = settings.sharesSequences ? job.degrees.context : 1
            let ranks = job.degrees.pipeline * settings.dataRanks * job.degrees.tensor * shared
            #expect(ranks == job.plan.degrees.worldSize)
            #expect(settings.dataRanks.isMultiple(of: settings.expertRanks))
            #expect(job.degrees.expert.isMultiple(of: settings.expertRanks))
        }
    }

    @Test("stages beyond 1 are not asked of a pipeline, which refuses them")
    func limitsStages() throws {
        for job in try ExportFixture.jobs() where job.degrees.pipeline > 1 {
            let sharding = try configuration(job)["zero_optimization"] as? [String: Any]
            let stage = try #require(sharding?["stage"] as? Int)
            #expect(stage <= 1)
            let isTold = settings(job).notes.notes.contains { $0.path == "plan.zero_stage" }
            #expect(isTold == (job.plan.zeroStage > 1))
        }
    }

    @Test("arguments of the model code are those that DeepSpeed's classes take")
    func knowsArguments() throws {
        let known = try KnownOptions()
        let files = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .deepspeed).export()
            .files
        let code = try #require(files.first { $0.name == "apus_deepspeed.py" }?.text)
        let moe = try #require(code.firstMatch(of: /"moe": \{([^}]*)\}/)).1
        let names = moe.matches(of: /"([a-z0-9_]+)":/).map { String($0.1) }
        #expect(names.count > 8)
        for name in names { #expect(known.option("moe(\(name))", of: "deepspeed") != nil) }
        for name in ["topology", "partition_method", "activation_checkpoint_interval", "base_seed"]
        {
            #expect(code.contains("\"\(name)\": "))
            #expect(known.option("PipelineModule(\(name))", of: "deepspeed") != nil)
        }
    }

    @Test("the launcher is spelled `deepspeed`, and gets GPUs per node")
    func spellsLauncher() throws {
        let files = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .deepspeed).export()
            .files
        let script = try #require(files.first { $0.name == "deepspeed-4096.sh" })
        #expect(script.text.contains("\n        deepspeed\n"))
        #expect(script.text.contains("--num_nodes 4\n") && script.text.contains("--num_gpus 4\n"))
        let words = try ShellRun(script.text).arguments(
            environment: ["TRAIN_SCRIPT": "train.py"], with: ["--x", "1"])
        #expect(words.prefix(3) == ["train.py", "--deepspeed", "--deepspeed_config"])
        #expect(words.suffix(2) == ["--x", "1"])
        #expect(words[3].hasSuffix("/deepspeed-4096.json"))
    }

    @Test("the document's plan is written with what is lost")
    func writesDocument() throws {
        let export = try ExportFixture.request(
            "Plans/strategy-16gpu.yaml", to: .deepspeed, length: 4096
        ).export()
        let text = export.files.map { "==> \($0.name) <==\n\($0.text)" }.joined(separator: "\n")
        try expectSnapshot(text, named: "export-deepspeed-4096")
    }

    private func settings(_ job: ExportJob) -> DeepSpeedSettings {
        var settings = DeepSpeedSettings(job, positions: KeyPositions())
        settings.write()
        return settings
    }

    private func configuration(_ job: ExportJob) throws -> [String: Any] {
        let text = settings(job).configuration.text(in: .json)
        return try #require(
            JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// Key paths of a configuration, as the list of options spells them.
    private func keys(of object: [String: Any], below prefix: String = "") -> [String] {
        object.flatMap { key, value in
            [prefix + key]
                + ((value as? [String: Any]).map { keys(of: $0, below: prefix + key + ".") } ?? [])
        }
    }
}
