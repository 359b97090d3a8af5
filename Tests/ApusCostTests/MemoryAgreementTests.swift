import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusTestSupport
import Testing

/// The compiler plans every slot of a program; the closed form must not stray from their sum.
@Suite("Memory against compiled programs")
struct MemoryAgreementTests {
    /// A small vocabulary, because the runtime computes the head in pieces and Megatron does not.
    private static let model: Model = {
        var model = Model.mixtral8x7B
        model.layerCount = 8
        model.vocabularySize = 256
        return model
    }()

    @Test(
        "activations are the slots' peak within 8 %, and no more than it", arguments: [1, 2, 4],
        [1, 2, 4])
    func agreesWithoutRecomputation(pipeline: Int, expert: Int) throws {
        for schedule in [Plan.Schedule.gpipe, .oneForwardOneBackward] {
            for (held, planned) in try stages(pipeline, expert, schedule, .none) {
                #expect(held.activations <= planned)
                #expect(Double(held.activations.count) >= 0.92 * Double(planned.count))
                #expect(planned <= held.activations + held.logits + held.buffers)
            }
        }
    }

    @Test(
        "so they are with recomputation, the layer that is computed again counted",
        arguments: [1, 2, 4], [1, 2, 4])
    func agreesWithRecomputation(pipeline: Int, expert: Int) throws {
        let one = try #require(
            Self.step(1, 1, .gpipe, .none, layers: 1, microBatches: 1).memory.first)
        for schedule in [Plan.Schedule.gpipe, .oneForwardOneBackward] {
            for (held, planned) in try stages(pipeline, expert, schedule, .full) {
                let recomputing = held.activations + one.activations
                #expect(recomputing <= planned)
                #expect(planned <= held.activations + held.logits + held.buffers)
            }
        }
    }

    private func stages(
        _ pipeline: Int, _ expert: Int, _ schedule: Plan.Schedule, _ recompute: Plan.Recompute
    ) throws -> [(held: StageMemory, planned: Bytes)] {
        let step = Self.step(pipeline, expert, schedule, recompute)
        let program = try compile(
            model: step.model, plan: step.plan,
            shape: StepShape(bucket: step.bucket, length: 512, precision: .fp32))
        return zip(step.memory, program.classes).map { ($0, $1.memoryPeak.size) }
    }

    private static func step(
        _ pipeline: Int, _ expert: Int, _ schedule: Plan.Schedule, _ recompute: Plan.Recompute,
        layers: Int = 8, microBatches: Int = 8
    ) -> Step {
        var model = model
        model.layerCount = layers
        // The runtime's combine scales the rows that come back.
        var implementation = Implementation(name: "Apus")
        implementation.weighsExpertOutputs = true
        implementation.keepsArrivedRows = true
        return .memory(
            model, Degrees(pipeline: pipeline, data: 4, expert: expert), schedule: schedule,
            zero: 0, sequenceParallel: false, recompute: recompute, microBatches: microBatches,
            length: 512, precision: .fp32, implementation: implementation)
    }
}
