import ApusPlan
import Testing

@testable import ApusProgram

@Suite("Programs of large jobs")
struct ScaleTests {
    /// A model of the size of DeepSeek-V3: 61 layers of 256 experts.
    private static let model = Model(
        layerCount: 61, hiddenSize: 7168, headCount: 128, keyValueHeadCount: 128, headDim: 128,
        expertCount: 256, topK: 8, expertHiddenSize: 2048, vocabularySize: 129_280,
        tiesEmbeddings: false)

    @Test("16 384 ranks are compiled and proven in seconds", .timeLimit(.minutes(1)))
    func provesLargeJob() throws {
        let plan = Plan(degrees: Degrees(pipeline: 16, data: 1024, expert: 64), buckets: [])
        let shape = StepShape(sequenceLength: 4096, sequencesPerMicroBatch: 1, microBatches: 32)
        let program = try compile(model: Self.model, plan: plan, shape: shape)
        #expect(program.mesh.worldSize == 16_384)
        #expect(program.classes.count == 16)
        #expect(program.verify() == [])
        // What must not grow: a rank executes about 45 instructions for each layer and micro-batch.
        let runs = 32 * Self.model.layerCount
        let instructions = program.classes.map(\.instructions.count).reduce(0, +)
        #expect(instructions < 50 * runs)
        let slots = program.classes.map(\.slots.count).max() ?? 0
        #expect(slots < 16 * 4 * 8)
    }

    @Test("the ranks of a stage cost nothing: only classes are compiled", arguments: [8, 64, 1024])
    func growsWithStagesOnly(data: Int) throws {
        func instructions(data: Int) throws -> [Int] {
            let plan = Plan(degrees: Degrees(pipeline: 4, data: data), buckets: [])
            let shape = StepShape(
                sequenceLength: 64, sequencesPerMicroBatch: 1, microBatches: 8)
            return try compile(model: Self.model, plan: plan, shape: shape).classes
                .map(\.instructions.count)
        }
        let alone = try instructions(data: 2)
        let many = try instructions(data: data)
        #expect(alone == many)
    }
}
