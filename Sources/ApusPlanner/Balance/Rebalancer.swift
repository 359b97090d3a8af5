package import ApusBase
package import ApusCost
package import ApusPlan
package import ApusProgram
import ApusSimulator

/// Finds a better split of layers for a run from the times of its stages.
///
/// How many times as long each stage computes as the cost model says becomes a condition of the
/// simulation, so that predictions are in the run's own seconds, whatever its machine is.
package struct Rebalancer: Sendable {
    private let step: Step
    private let shape: StepShape
    private let costModel: CostModel

    /// - Parameters:
    ///   - step: the step as the cost model prices it.
    ///   - shape: the step as it is compiled.
    package init(step: Step, shape: StepShape) {
        var step = step
        step.implementation = .compiled
        self.step = step
        self.shape = shape
        costModel = CostModel(cluster: step.cluster)
    }

    /// What becomes of a run's split of layers.
    package enum Outcome: Hashable, Sendable {
        /// No stage is consistently slow.
        case balanced
        /// A stage is, but no other split makes the step shorter.
        case bestAlready(StageTimeSeries.SlowStage)
        case proposal(Proposal)
    }

    package struct Proposal: Hashable, Sendable {
        package var slow: StageTimeSeries.SlowStage
        /// Layers of each virtual stage, from the embedding to the head.
        package var before: [Int]
        package var after: [Int]
        /// The step's time with the stages as slow as they were measured.
        package var stepTimeBefore: Seconds
        package var stepTimeAfter: Seconds
        package var plan: Plan
        package var program: Program

        /// The share of the step's time that it saves.
        package var gain: Double { 1 - stepTimeAfter / stepTimeBefore }
    }

    /// A split that saves less is not worth a move.
    private static let gainMin = 0.02

    /// What to do about a run with `plan` whose stages took these times.
    ///
    /// - Throws: `Problems` where a program could not be compiled or proven.
    package func outcome(
        of plan: Plan, _ series: StageTimeSeries
    ) throws(Problems) -> Outcome {
        guard let slow = series.slowStage, series.medians.count == plan.degrees.pipeline else {
            return .balanced
        }
        let before = plan.layers(in: step.model).map(\.count)
        let program = try program(of: plan)
        let slowness = slowness(program, plan, series)
        let balance = costModel.layerBalance(over: [(1, planned(plan))])
        guard let after = balance.split(slowness: slowness), after != before else {
            return .bestAlready(slow)
        }
        let next = plan.splitting(layers: after)
        let nextProgram = try self.program(of: next)
        let proposal = Proposal(
            slow: slow, before: before, after: after,
            stepTimeBefore: stepTime(of: program, plan, slowness),
            stepTimeAfter: stepTime(of: nextProgram, next, slowness), plan: next,
            program: nextProgram)
        guard proposal.gain > Self.gainMin, fits(next, after: plan) else {
            return .bestAlready(slow)
        }
        return .proposal(proposal)
    }

    /// How many times as long as predicted each stage computes.
    private func slowness(
        _ program: Program, _ plan: Plan, _ series: StageTimeSeries
    ) -> [Double] {
        let pricer = InstructionPricer(program: program, step: planned(plan), model: costModel)
        return program.classes.map { programClass in
            let predicted = programClass.instructions.reduce(Seconds.zero) { sum, instruction in
                instruction.isMicroBatchComputation
                    ? sum + pricer.computation(instruction, of: programClass) : sum
            }
            let measured = series.medians[programClass.stage.index]
            return predicted > .zero && measured > 0 ? measured / predicted.count : 1
        }
    }

    private func stepTime(of program: Program, _ plan: Plan, _ slowness: [Double]) -> Seconds {
        var simulator = Simulator(program: program, step: planned(plan), model: costModel)
        simulator.conditions.slowStages = slowness.enumerated().map { stage, factor in
            .init(stage: Stage(stage), factor: factor)
        }
        return simulator.run().stepTime
    }

    /// Whether no rank comes to hold more than its GPU does, or than one held before.
    private func fits(_ plan: Plan, after old: Plan) -> Bool {
        func peak(_ plan: Plan) -> Bytes {
            costModel.memory(of: planned(plan)).map(\.total).max() ?? .zero
        }
        return peak(plan) <= max(step.cluster.gpu.memory, peak(old))
    }

    private func planned(_ plan: Plan) -> Step {
        var step = step
        step.plan = plan
        return step
    }

    private func program(of plan: Plan) throws(Problems) -> Program {
        let program = try compile(model: step.model, plan: plan, shape: shape)
        let problems = program.verify(for: step.model)
        guard problems.isEmpty else { throw Problems(problems) }
        return program
    }
}
