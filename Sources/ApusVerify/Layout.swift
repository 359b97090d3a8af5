import ApusBase
package import ApusPlan
package import ApusProgram

/// A layout to hold against one rank: a plan, and the steps that its buckets run in turn.
package struct Layout: Hashable, Sendable {
    /// What a report calls it, such as `up to 4096`.
    package var name: String
    package var plan: Plan
    /// One for each bucket of the plan.
    package var shapes: [StepShape]

    package init(name: String, plan: Plan, shapes: [StepShape]) {
        precondition(!shapes.isEmpty, "a layout runs steps")
        self.name = name
        self.plan = plan
        self.shapes = shapes
    }

    package var tensorParallelMax: Int { shapes.map(\.tensorParallel).max() ?? 1 }

    /// The same global batches on one rank, each in one micro-batch.
    var alone: [StepShape] {
        shapes.map { shape in
            let replicas = plan.degrees.carving(tensor: shape.tensorParallel).data
            return StepShape(
                sequenceLength: shape.sequenceLength,
                sequencesPerMicroBatch: shape.sequencesPerDataRank * replicas, microBatches: 1)
        }
    }
}

extension Layout {
    /// Every layout of so many ranks that is sound for a model: all degrees that the runtime
    /// executes, each generated schedule, with recomputation and without.
    ///
    /// All have the same global batch, so that one reference serves them.
    package static func all(ranks: Int, of deployment: Deployment) -> [Layout] {
        var layouts: [Layout] = []
        for pipeline in divisors(of: ranks) where pipeline <= deployment.model.layerCount {
            let data = ranks / pipeline
            for expert in divisors(of: data) {
                for tensor in divisors(of: data) {
                    let degrees = Degrees(pipeline: pipeline, data: data, expert: expert)
                    layouts += schedules(degrees, tensor: tensor, of: deployment)
                }
            }
        }
        return layouts
    }

    private static func schedules(
        _ degrees: Degrees, tensor: Int, of deployment: Deployment
    ) -> [Layout] {
        let generated = degrees.pipeline > 1 ? Plan.Schedule.generated : [.oneForwardOneBackward]
        return generated.flatMap { schedule in
            [Plan.Recompute.none, .full].compactMap { recompute in
                layout(degrees, tensor: tensor, schedule, recompute, of: deployment)
            }
        }
    }

    /// `nil` where the model or the batch does not fit the layout.
    private static func layout(
        _ degrees: Degrees, tensor: Int, _ schedule: Plan.Schedule, _ recompute: Plan.Recompute,
        of deployment: Deployment
    ) -> Layout? {
        let sequences = 2 * degrees.worldSize
        let share = sequences / degrees.carving(tensor: tensor).data
        let bucket = Plan.Bucket(
            lengthMax: nil, microBatches: min(share, 2 * degrees.pipeline),
            sequencesPerDataRank: share, tensorParallel: tensor, recompute: recompute)
        var deployment = deployment
        let plan = Plan(
            degrees: degrees, schedule: schedule,
            chunksPerRank: schedule == .interleaved ? 2 : 1, buckets: [bucket])
        deployment.plan = plan
        deployment.run.setLength(ScaledDeployment.length(tensorParallel: 2 * degrees.data))
        deployment.run.sequencesPerStep = sequences
        deployment.workload.sequencesPerBatch = sequences
        deployment.workload.sequenceLengths = [deployment.run.sequenceLength]
        deployment.workload.lengthWeights = nil
        guard deployment.problems().allSatisfy({ $0.severity != .error }),
            deployment.unsupportedForTraining().isEmpty,
            let shape = StepShape(training: deployment)
        else { return nil }
        let slices = tensor > 1 ? ",tp\(tensor) carved" : ""
        let again = recompute == .none ? "" : " recompute \(recompute.rawValue)"
        return Layout(
            name: "\(degrees.layout)\(slices) \(schedule.name)\(again)", plan: plan,
            shapes: [shape])
    }
}
