import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

/// An example deployment without a plan, and what its model counts.
///
/// Totals and active counts are those of the models that Hugging Face transformers 4.57 and 5.24
/// build from the same keys, selection biases included.
struct ExamplePlan: CustomTestStringConvertible, Sendable {
    var file: String
    var total: Int
    var active: Int
    var gpus: Int

    var testDescription: String { file }

    static let all = [
        ExamplePlan(
            file: "mixtral-8x7b.yaml", total: 46_702_792_704, active: 12_879_925_248, gpus: 64),
        ExamplePlan(
            file: "mixtral-8x22b.yaml", total: 140_620_634_112, active: 39_152_031_744, gpus: 128),
        // models/qwen3-30b-a3b.json
        ExamplePlan(
            file: "qwen3-30b-a3b.yaml", total: 30_532_122_624, active: 3_353_032_704, gpus: 16),
        // models/qwen3-235b-a22b.json
        ExamplePlan(
            file: "qwen3-235b-a22b.yaml", total: 235_093_634_560, active: 22_190_763_520,
            gpus: 256),
        // models/deepseek-v3.json
        ExamplePlan(
            file: "deepseek-v3.yaml", total: 671_026_419_200, active: 37_552_297_472, gpus: 2048),
        // models/olmoe-1b-7b.json
        ExamplePlan(
            file: "olmoe-1b-7b.yaml", total: 6_919_161_856, active: 1_282_017_280, gpus: 8),
        // models/gpt-oss-120b.json
        ExamplePlan(
            file: "gpt-oss-120b.yaml", total: 116_829_156_672, active: 5_711_982_912, gpus: 64),
        ExamplePlan(
            file: "llama-3-8b.yaml", total: 8_030_261_248, active: 8_030_261_248, gpus: 8),
        ExamplePlan(
            file: "llama-3-70b.yaml", total: 70_553_706_496, active: 70_553_706_496, gpus: 64),
        ExamplePlan(
            file: "gpt3-175b.yaml", total: 174_615_846_912, active: 174_615_846_912, gpus: 4096),
        ExamplePlan(
            file: "strategy-10b.yaml", total: 10_239_792_640, active: 3_215_382_016, gpus: 16),
    ]

    func read() throws -> DeploymentFile { try .stored("Plans/\(file)") }
}

@Suite("The example deployments")
struct ExamplePlanTests {
    @Test("each is read without a word and asks for a plan", arguments: ExamplePlan.all)
    func reads(example: ExamplePlan) throws {
        let file = try example.read()
        #expect(file.notes == [])
        #expect(file.deployment.plan == nil)
        #expect(file.deployment.cluster?.worldSize == example.gpus)
    }

    @Test("each has the weights of its model, in all and for one token", arguments: ExamplePlan.all)
    func counts(example: ExamplePlan) throws {
        let model = try example.read().deployment.model
        #expect(model.parameterCount == example.total)
        #expect(model.activeParameterCount == example.active)
        #expect(model.parameters.map(\.count).reduce(0, +) == example.total)
    }

    @Test("each has a text that reads back to an equal deployment", arguments: ExamplePlan.all)
    func readsBack(example: ExamplePlan) throws {
        let deployment = try example.read().deployment
        #expect(try SmallFile.read(deployment.text()).deployment == deployment)
    }

    @Test("the strategy document's counts are true of the example made for them")
    func fitsDocument() throws {
        let example = try #require(ExamplePlan.all.last)
        let model = try example.read().deployment.model
        #expect(abs(Double(model.parameterCount(of: .attention)) / 2e9 - 1) < 0.02)
        #expect(abs(Double(model.parameterCount(of: .experts)) / 8e9 - 1) < 0.02)
        let document = try DeploymentFile.stored("Plans/strategy-16gpu.yaml")
        let deployment = try example.read().deployment
        #expect(deployment.cluster == document.deployment.cluster)
        #expect(deployment.workload == document.deployment.workload)
        #expect(model.layerCount == document.deployment.model.layerCount)
        #expect(model.expertCount == document.deployment.model.expertCount)
    }
}
