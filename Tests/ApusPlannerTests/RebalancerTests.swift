import ApusBase
import ApusCost
import ApusPlan
import ApusProgram
import ApusTestSupport
import Testing

@testable import ApusPlanner

@Suite("Moving layers away from a slow stage")
struct RebalancerTests {
    private let plan: Plan
    private let step: Step
    private let shape: StepShape
    /// What the cost model says of the stages' computation, which measured times are made from.
    private let predicted: [Double]

    init() throws {
        let deployment = Deployment.small(
            pipeline: 2, microBatches: 8, sequencesPerDataRank: 8,
            model: .small(layerCount: 16))
        plan = try #require(deployment.plan)
        step = Step(
            model: deployment.model, cluster: try #require(deployment.cluster),
            workload: deployment.workload, plan: plan, bucket: plan.buckets[0],
            sequenceLength: 16, implementation: .compiled)
        shape = try #require(StepShape(training: deployment))
        let program = try compile(model: step.model, plan: plan, shape: shape)
        let pricer = InstructionPricer(
            program: program, step: step, model: CostModel(cluster: step.cluster))
        predicted = program.classes.map { programClass in
            programClass.instructions.filter(\.isMicroBatchComputation)
                .map { pricer.computation($0, of: programClass).count }.reduce(0, +)
        }
    }

    private func series(_ factors: [Double]) -> StageTimeSeries {
        StageTimeSeries(
            Array(repeating: zip(predicted, factors).map { $0 * $1 }, count: 10))
    }

    private func proposal(_ factors: [Double]) throws -> Rebalancer.Proposal? {
        let outcome = try Rebalancer(step: step, shape: shape).outcome(of: plan, series(factors))
        guard case .proposal(let proposal) = outcome else { return nil }
        return proposal
    }

    @Test("a slow stage gives layers away, and the proven program is predicted to be faster")
    func proposesSplit() throws {
        let found = try #require(try proposal([1.5, 1]))
        #expect(found.slow.stage == Stage(0))
        #expect(found.before == [8, 8])
        #expect(found.after[0] < 8)
        #expect(found.after.reduce(0, +) == 16)
        #expect(found.plan.layersPerStage == found.after)
        #expect(found.program.verify(for: step.model).isEmpty)
        #expect(found.program.classes.map { $0.layers.count } == found.after)
        // The slower stage sets the pace: the step falls by what it does, less what fills and
        // drains the pipeline. The second stage has the head besides its layers.
        let layer = predicted[0] / 8
        let other = layer * Double(found.after[1]) + predicted[1] - predicted[0]
        let pace = max(1.5 * layer * Double(found.after[0]), other)
        let fall = (found.stepTimeBefore - found.stepTimeAfter).count / (12 * layer - pace)
        #expect(fall > 0.6 && fall < 1.1, "\(fall)")
    }

    @Test("a prediction is in the run's own seconds, whatever the cost model takes its machine for")
    func scalesWithMachine() throws {
        let one = try #require(try proposal([15, 10]))
        let other = try #require(try proposal([150, 100]))
        #expect(one.after == other.after)
        #expect(abs(other.stepTimeBefore / one.stepTimeBefore / 10 - 1) < 0.05)
    }

    @Test("stages that are alike are left alone, and so is a split that is the best already")
    func leavesAlone() throws {
        let rebalancer = Rebalancer(step: step, shape: shape)
        let mean = predicted.reduce(0, +) / 2
        #expect(
            try rebalancer.outcome(of: plan, series(predicted.map { mean / $0 })) == .balanced)
        let found = try #require(try proposal([1.5, 1]))
        // What the stages take under the new split.
        let times = zip(predicted, [1.5, 1]).enumerated().map { stage, pair in
            pair.0 * pair.1 * Double(found.after[stage]) / 8
        }
        let after = StageTimeSeries(Array(repeating: times, count: 10))
        switch try rebalancer.outcome(of: found.plan, after) {
        case .balanced, .bestAlready: break
        case .proposal(let again): Issue.record("moves again, to \(again.after)")
        }
    }

    @Test("in a run, layers move at the end of an interval, and the count begins anew")
    func movesAtIntervals() throws {
        var running = RunningBalance(
            Rebalancer(step: step, shape: shape), plan: plan, every: 6)
        let slow = zip(predicted, [1.5, 1]).map { $0 * $1 }
        for step in 1...5 { #expect(try running.next(after: step, stageSeconds: slow) == nil) }
        let found = try #require(try running.next(after: 6, stageSeconds: slow))
        #expect(running.plan == found.plan)
        // The other stage is slow now.
        let turned = zip(predicted, [1, 2]).map { $0 * $1 }
        for step in 7...11 { #expect(try running.next(after: step, stageSeconds: turned) == nil) }
        let back = try #require(try running.next(after: 12, stageSeconds: turned))
        #expect(back.before == found.after)
        #expect(back.after[0] > found.after[0])
    }
}
