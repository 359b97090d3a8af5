import ApusBase
import ApusCost
import ApusPlan
import ApusTestSupport
import Testing

@Suite("Memory of the reference deployment")
struct MemoryDocumentTests {
    private func step(length: Int) throws -> Step {
        let deployment = try DeploymentFile.stored("Plans/strategy-16gpu.yaml").deployment
        let plan = try #require(deployment.plan)
        return Step(
            model: deployment.model, cluster: try #require(deployment.cluster),
            workload: deployment.workload, routing: deployment.routing, plan: plan,
            bucket: try #require(plan.bucket(forLength: length)), sequenceLength: length)
    }

    @Test("states are those of four stages, whatever the length", arguments: [128, 1024, 10240])
    func states(length: Int) throws {
        let memory = try step(length: length).memory
        // Four layers with four of the sixteen experts, and 32 000 embeddings on both ends.
        let layer = 4 * 512 * 512 + 2 * 512 + 16 * 512
        let experts = 4 * 3 * 512 * 1024
        let vocabulary = 32000 * 512
        let first = 4 * (layer + experts) + vocabulary
        #expect(memory[0].weights == Bytes(2 * first))
        #expect(memory[1].weights == Bytes(2 * (first - vocabulary)))
        #expect(memory[3].weights == Bytes(2 * (first + 512)))
        #expect(memory[0].gradients == Bytes(4 * first))
        // Each expert is on one rank of a stage, everything else on four.
        #expect(memory[0].optimizer == Bytes(12 * (4 * experts + (4 * layer + vocabulary) / 4)))
    }

    @Test(
        "activations with logits are gigabytes, far below what the document claims",
        arguments: [(128, 0.07, 0.09), (1024, 1.0, 1.4), (4096, 1.0, 2.0), (10240, 3.0, 5.0)])
    func activations(length: Int, low: Double, high: Double) throws {
        let memory = try step(length: length).memory
        let peak = try #require(memory.map { $0.activations + $0.logits }.max())
        let gigabytes = Double(peak.count) / 1e9
        #expect(low...high ~= gigabytes)
        #expect(memory.allSatisfy { $0.total < Bytes(64_000_000_000) })
    }
}
