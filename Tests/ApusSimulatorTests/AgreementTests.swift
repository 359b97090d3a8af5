import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusTestSupport
import Testing

@testable import ApusSimulator

/// The closed form, which a search uses, against the program that the runtime performs.
@Suite("Closed form and program")
struct AgreementTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var degrees: Degrees
        var schedule = Plan.Schedule.oneForwardOneBackward
        var microBatches = 8
        var tensor = 1
        var recompute = Plan.Recompute.none
        var zeroStage = 0

        var testDescription: String {
            "pp\(degrees.pipeline) dp\(degrees.data) ep\(degrees.expert) tp\(tensor) "
                + "\(schedule.name) m\(microBatches) \(recompute.rawValue) zero\(zeroStage)"
        }

        var step: Step {
            let model = Model(
                layerCount: 16, hiddenSize: 2048, headCount: 16, keyValueHeadCount: 8,
                headDim: 128, expertCount: 16, topK: 2, expertHiddenSize: 2048,
                vocabularySize: 32_000, tiesEmbeddings: false)
            let bucket = Plan.Bucket(
                lengthMax: nil, microBatches: microBatches, sequencesPerDataRank: microBatches,
                tensorParallel: tensor, recompute: recompute)
            let plan = Plan(
                degrees: degrees, schedule: schedule, zeroStage: zeroStage, buckets: [bucket])
            let carved = degrees.carving(tensor: tensor)
            return Step(
                model: model,
                cluster: Cluster(
                    nodeCount: max(1, degrees.worldSize / 8), gpusPerNode: 8,
                    gpu: .h100, links: []),
                workload: Workload(
                    sequencesPerBatch: microBatches * carved.data, sequenceLengths: [4096]),
                plan: plan, bucket: bucket, sequenceLength: 4096, implementation: .compiled)
        }
    }

    static let cases: [Case] = [1, 2, 4, 8].flatMap { pipeline in
        [(1, 1), (2, 2), (8, 4)].flatMap { data, expert in
            [Plan.Schedule.gpipe, .oneForwardOneBackward].flatMap { schedule in
                [Plan.Recompute.none, .full].flatMap { recompute in
                    [4, 16].map { microBatches in
                        Case(
                            degrees: Degrees(pipeline: pipeline, data: data, expert: expert),
                            schedule: schedule, microBatches: microBatches,
                            tensor: data == 8 ? 2 : 1, recompute: recompute,
                            zeroStage: recompute == .full ? 1 : 0)
                    }
                }
            }
        }
    }

    @Test("the step time agrees within 5 %", arguments: cases)
    func agrees(_ one: Case) throws {
        let step = one.step
        let model = CostModel(cluster: step.cluster)
        let shape = StepShape(
            bucket: step.bucket, length: step.sequenceLength, precision: step.workload.precision)
        let program = try compile(model: step.model, plan: step.plan, shape: shape)
        let simulated = Simulator(program: program, step: step, model: model).run()
        let predicted = model.predict(step)
        let ratio = predicted.stepTime / simulated.stepTime
        #expect(abs(ratio - 1) < 0.05, "\(predicted.stepTime) against \(simulated.stepTime)")
    }

    @Test("the same program takes the same time, to the bit")
    func isDeterministic() throws {
        let step = Case(degrees: Degrees(pipeline: 4, data: 2, expert: 2)).step
        let model = CostModel(cluster: step.cluster)
        let shape = StepShape(
            bucket: step.bucket, length: step.sequenceLength, precision: step.workload.precision)
        let program = try compile(model: step.model, plan: step.plan, shape: shape)
        let first = Simulator(program: program, step: step, model: model).run()
        let second = Simulator(program: program, step: step, model: model).run()
        #expect(first == second)
        #expect(first.stepTime > .zero)
    }
}
