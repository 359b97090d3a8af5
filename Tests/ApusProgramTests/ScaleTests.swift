import ApusBase
import ApusPlan
import ApusTestSupport
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

    @Test("the largest steps that validation takes are planned without overflow", arguments: 0..<40)
    func countsLargestSteps(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func size(_ powers: ClosedRange<Int>) -> Int {
            1 << Int.random(in: powers, using: &generator)
        }
        let model = Model(
            layerCount: size(0...5), hiddenSize: size(0...16), headCount: size(0...12),
            keyValueHeadCount: 1, headDim: size(1...12), expertCount: size(6...8),
            topK: size(0...6), expertHiddenSize: size(0...18), vocabularySize: size(0...22),
            tiesEmbeddings: false)
        var deployment = Deployment.small(data: size(0...4), model: model)
        deployment.cluster = nil
        var plan = try #require(deployment.plan)
        plan.buckets[0].microBatches = 2
        plan.buckets[0].recompute = Bool.random(using: &generator) ? .full : .none
        // Sequences of one length, as many as validation takes, to a power of two.
        deployment.workload.sequenceLengths = [1 << 20]
        for power in 1...20 {
            var larger = plan
            larger.buckets[0].sequencesPerDataRank = 1 << power
            deployment.plan = larger
            guard deployment.problems().isEmpty else { break }
            plan = larger
        }
        try #require(plan.buckets[0].sequencesPerDataRank > 4)
        let shape = StepShape(bucket: plan.buckets[0], length: 1 << 20, precision: .fp32)
        let program = try compile(model: model, plan: plan, shape: shape)
        #expect(program.classes.allSatisfy { $0.memoryPeak.size.count < 1 << 62 })
        #expect(program.verify() == [])
        let states = program.classes.map { program.persistentSize(of: $0, in: model).count }
        #expect(states.reduce(0, +) < (1 << 62) / program.mesh.degrees.stageSize)
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
