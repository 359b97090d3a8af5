import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusExport

@Suite("Export to Megatron-LM")
struct MegatronLMTests {
    @Test("every option is one that Megatron-LM knows, with as many values and of their type")
    func knowsOptions() throws {
        let known = try KnownOptions()
        for job in try ExportFixture.jobs() {
            for words in options(job).lists.flatMap(\.words) {
                if let problem = known.problem(words, of: "megatron") {
                    Issue.record("\(problem)")
                }
            }
        }
    }

    @Test("degrees multiply up to the ranks, and micro-batches are what is left of the batch")
    func multiplies() throws {
        for job in try ExportFixture.jobs() {
            let values = values(of: job)
            let tensor = try #require(values["--tensor-model-parallel-size"])
            let pipeline = try #require(values["--pipeline-model-parallel-size"])
            let context = try #require(values["--context-parallel-size"])
            let world = job.plan.degrees.worldSize
            #expect(job.nodeCount * job.gpusPerNode == world)
            try #require(world.isMultiple(of: tensor * pipeline * context))
            let data = world / (tensor * pipeline * context)
            #expect(data == job.degrees.data)
            let batch = try #require(values["--global-batch-size"])
            let micro = try #require(values["--micro-batch-size"])
            #expect(batch == micro * data * job.microBatches)
            #expect(batch >= job.workload.sequencesPerBatch)
            guard let expert = values["--expert-model-parallel-size"] else { continue }
            let sliced = try #require(values["--expert-tensor-parallel-size"])
            #expect((world / pipeline).isMultiple(of: expert * sliced))
            #expect(job.model.expertCount.isMultiple(of: expert))
        }
    }

    @Test("numbers of the file come back from the options")
    func roundTrips() throws {
        for job in try ExportFixture.jobs() {
            let words = options(job).lists.flatMap(\.words)
            func value(_ flag: String) -> String? { words.first { $0[0] == flag }?.last }
            #expect(value("--num-layers") == "\(job.model.layerCount)")
            #expect(value("--hidden-size") == "\(job.model.hiddenSize)")
            #expect(value("--lr").flatMap(Double.init) == job.run.learningRate)
            #expect(value("--norm-epsilon").flatMap(Double.init) == job.model.rmsNormEpsilon)
            let rows = try #require(value("--padded-vocab-size").flatMap { Int($0) })
            #expect((0..<job.degrees.tensor).contains(rows - job.model.vocabularySize))
            if job.model.hasExperts, job.routing.balanceLoss > 0 {
                #expect(
                    value("--moe-aux-loss-coeff").flatMap(Double.init) == job.routing.balanceLoss)
            }
        }
    }

    @Test("a layout gives every layer to one stage, in the plan's order")
    func laysOutLayers() throws {
        var layouts = 0
        for job in try ExportFixture.jobs() {
            let words = options(job).lists.flatMap(\.words)
            guard let layout = words.first(where: { $0[0] == "--pipeline-model-parallel-layout" })
            else { continue }
            layouts += 1
            let stages = layout[1].split(separator: "|")
            let isInterleaved = job.plan.schedule == .interleaved
            #expect(
                stages.count == job.degrees.pipeline * (isInterleaved ? job.plan.chunksPerRank : 1))
            #expect(stages.first?.hasPrefix("Et*") == true && stages.last?.hasSuffix("L") == true)
            let counts = stages.compactMap { stage in
                Int(stage.filter { $0.isNumber })
            }
            #expect(counts.reduce(0, +) == job.model.layerCount)
        }
        #expect(layouts > 10)
    }

    @Test("layers are split over the chunks that the schedule has, whatever the plan's count says")
    func splitsByChunks() throws {
        var job = try #require(ExportFixture.jobs(seeds: 0..<0).first)
        job.plan.layersPerStage = nil
        job.plan.degrees.pipeline = 2
        job.model.layerCount = 6
        job.plan.chunksPerRank = 2
        job.plan.schedule = .oneForwardOneBackward
        #expect(job.stageLayers == [3, 3])
        job.model.layerCount = 7
        job.plan.chunksPerRank = 1
        job.plan.schedule = .zeroBubbleV
        #expect(job.stageLayers == [2, 2, 2, 1])
        let layout = options(job).lists.flatMap(\.words)
            .first { $0[0] == "--pipeline-model-parallel-layout" }
        #expect(layout?[1] == "Et*3|t*4L")
    }

    @Test("a capacity per token is the same as one per assignment, by top-k smaller")
    func convertsCapacity() throws {
        var job = try #require(ExportFixture.jobs(seeds: 0..<0).first { $0.model.topK == 4 })
        job.routing = Routing(capacity: .perAssignment, capacityFactor: 1.5)
        #expect(options(job).experts.words.contains(["--moe-expert-capacity-factor", "1.5"]))
        job.routing.capacity = .perToken
        #expect(options(job).experts.words.contains(["--moe-expert-capacity-factor", "0.375"]))
        job.routing.capacity = .dropless
        #expect(!options(job).experts.words.contains { $0[0] == "--moe-expert-capacity-factor" })
    }

    @Test("the script of each length hands its options to the program as they are")
    func runsInShell() throws {
        for path in ExportFixture.files {
            for file in try ExportFixture.request(path, to: .megatron).export().files {
                let words = try ShellRun(file.text).arguments(environment: ["MEGATRON_PATH": "/m n"]
                )
                #expect(words.first == "/m n/pretrain_gpt.py")
                let length = try #require(file.name.firstMatch(of: /megatron-(\d+)\.sh/)).1
                let flag = try #require(words.firstIndex(of: "--seq-length"))
                #expect(words[flag + 1] == length)
                if let pattern = words.firstIndex(of: "--moe-layer-freq") {
                    #expect(words[pattern + 1] == "([0]*2+[1]*5)")
                }
            }
        }
    }

    @Test("arguments of the script replace the mock data")
    func replacesData() throws {
        let request = try ExportFixture.request("Plans/small.yaml", to: .megatron)
        let text = try #require(request.export().files.first?.text)
        let run = try ShellRun(text)
        let mock = try run.arguments(environment: ["MEGATRON_PATH": "/m"])
        #expect(mock.contains("--mock-data"))
        let real = try run.arguments(
            environment: ["MEGATRON_PATH": "/m"], with: ["--data-path", "a b"])
        #expect(real == mock.filter { $0 != "--mock-data" }.dropLast(4) + ["--data-path", "a b"])
    }

    @Test("the document's plan is written with what is lost", arguments: [128, 4096])
    func writesDocument(length: Int) throws {
        let request = try ExportFixture.request(
            "Plans/strategy-16gpu.yaml", to: .megatron, length: length)
        let file = try #require(request.export().files.first)
        #expect(file.isExecutable)
        try expectSnapshot(file.text, named: "export-megatron-\(length)")
    }

    private func options(_ job: ExportJob) -> MegatronOptions {
        var options = MegatronOptions(job, positions: KeyPositions())
        options.write()
        return options
    }

    private func values(of job: ExportJob) -> [String: Int] {
        let words = options(job).lists.flatMap(\.words)
        return Dictionary(
            words.compactMap { words in
                words.count == 2 ? Int(words[1]).map { (words[0], $0) } : nil
            }, uniquingKeysWith: { first, _ in first })
    }
}
