import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusExport

@Suite("Export to torchtitan")
struct TorchTitanTests {
    @Test("every argument is a field of torchtitan's configuration")
    func knowsFields() throws {
        let known = try KnownOptions()
        for job in try ExportFixture.jobs() {
            let settings = settings(job)
            for (section, items) in [
                ("parallelism", settings.parallelism), ("training", settings.training),
            ] {
                for item in items {
                    let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
                    let option = try #require(
                        known.option("\(section).\(parts[0])", of: "torchtitan"), "\(item)")
                    let value = parts[1].replacing("\"", with: "")
                    if !option.choices.isEmpty { #expect(option.choices.contains(value)) }
                    if option.type == "int" { #expect(Int(value) != nil, "\(item)") }
                    if option.type == "bool" { #expect(["True", "False"].contains(value)) }
                }
            }
        }
    }

    @Test("degrees multiply up to the ranks, and experts find theirs among the shards")
    func multiplies() throws {
        for job in try ExportFixture.jobs() {
            let values = values(settings(job))
            func degree(_ name: String) -> Int { values["\(name)_degree"] ?? 1 }
            let shards = degree("data_parallel_shard")
            let dense = shards * degree("context_parallel") * degree("tensor_parallel")
            let world = degree("pipeline_parallel") * degree("data_parallel_replicate") * dense
            #expect(world == job.plan.degrees.worldSize)
            #expect(dense.isMultiple(of: degree("expert_parallel")))
            let batch = try #require(values["global_batch_size"])
            let local = try #require(values["local_batch_size"])
            let replicas = shards * degree("data_parallel_replicate")
            #expect(batch == job.globalBatchSize && batch.isMultiple(of: local * replicas))
            if let micro = values["pipeline_parallel_microbatch_size"] {
                #expect(local == micro * job.microBatches)
            }
        }
    }

    @Test("stages hold all layers, in as many parts as the schedule has")
    func splitsStages() throws {
        for job in try ExportFixture.jobs() where job.degrees.pipeline > 1 {
            let items = settings(job).parallelism
            let schedule = try #require(items.first { $0.hasPrefix("pipeline_parallel_schedule=") })
            let stages = try #require(items.first { $0.contains("=stages([") })
            let counts = stages.matches(of: /\d+/).compactMap { Int($0.0) }
            #expect(counts.reduce(0, +) == job.model.layerCount)
            #expect(counts.allSatisfy { $0 > 0 })
            let perRank = counts.count / job.degrees.pipeline
            #expect(counts.count == perRank * job.degrees.pipeline)
            let isSingle = schedule.contains("\"1F1B\"") || schedule.contains("\"GPipe\"")
            #expect(isSingle == (perRank == 1), "\(schedule) \(counts)")
        }
    }

    @Test("the script names the module and the function of its length")
    func namesFunction() throws {
        let files = try ExportFixture.request("Plans/strategy-16gpu.yaml", to: .torchtitan).export()
            .files
        let module = try #require(files.first { $0.name == "apus_torchtitan.py" }?.text)
        for length in [128, 1024, 4096, 10_240] {
            #expect(module.contains("\ndef length_\(length)():\n"))
            let script = try #require(files.first { $0.name == "torchtitan-\(length).sh" })
            let words = try ShellRun(script.text).arguments(with: ["--x"])
            #expect(
                words == [
                    "-m", "torchtitan.train", "--module", "apus_torchtitan", "--config",
                    "length_\(length)", "--x",
                ])
        }
    }

    @Test("the document's plan is written with what is lost")
    func writesDocument() throws {
        let export = try ExportFixture.request(
            "Plans/strategy-16gpu.yaml", to: .torchtitan, length: 4096
        ).export()
        let text = export.files.map { "==> \($0.name) <==\n\($0.text)" }.joined(separator: "\n")
        try expectSnapshot(text, named: "export-torchtitan-4096")
    }

    private func settings(_ job: ExportJob) -> TorchTitanSettings {
        var settings = TorchTitanSettings(job, positions: KeyPositions())
        settings.write()
        return settings
    }

    private func values(_ settings: TorchTitanSettings) -> [String: Int] {
        let items = (settings.parallelism + settings.training).map {
            $0.split(separator: "=", maxSplits: 1).map(String.init)
        }
        return Dictionary(
            items.compactMap { item in Int(item[1]).map { (item[0], $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
