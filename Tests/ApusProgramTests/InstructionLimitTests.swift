import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("A program of too many instructions", .timeLimit(.minutes(1)))
struct InstructionLimitTests {
    @Test("is refused before it is compiled")
    func refuses() throws {
        let model = Model(
            layerCount: 1024, hiddenSize: 64, headCount: 4, keyValueHeadCount: 4, headDim: 16,
            expertCount: 8, topK: 2, expertHiddenSize: 96, vocabularySize: 512,
            tiesEmbeddings: true)
        let plan = Plan(degrees: Degrees(pipeline: 256), buckets: [])
        let shape = StepShape(
            sequenceLength: 16, sequencesPerMicroBatch: 1, microBatches: 1024)
        let problems = #expect(throws: Problems.self) {
            try compile(model: model, plan: plan, shape: shape)
        }
        #expect(
            problems?.diagnostics.map(\.description) == [
                """
                error: 1024 layers, 256 stages and 1024 micro-batches make a program of more \
                instructions than Apus compiles  [count-limit]
                  expected: at most 88 micro-batches of that model
                  hint: fewer micro-batches with more sequences each do the same work
                """
            ])
    }
}
