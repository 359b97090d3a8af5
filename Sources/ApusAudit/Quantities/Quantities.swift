import ApusBase
package import ApusCost
package import ApusPlan

/// Every quantity of a deployment, each by its one definition.
package struct Quantities: Sendable {
    package let deployment: Deployment

    package init(of deployment: Deployment) { self.deployment = deployment }

    var model: Model { deployment.model }

    /// The step at a sequence length; `nil` where plan, cluster or bucket are missing.
    package func step(at length: Int) -> Step? {
        guard let plan = deployment.plan, let cluster = deployment.cluster,
            let bucket = plan.bucket(forLength: length)
        else { return nil }
        return Step(
            model: model, cluster: cluster, workload: deployment.workload,
            routing: deployment.routing, plan: plan, bucket: bucket, sequenceLength: length)
    }

    /// The value of a quantity at a sequence length, with the formula that gives it.
    ///
    /// Quantities that do not depend on the length take any of the workload's.
    package func measure(_ quantity: Quantity, at length: Int) -> Measure {
        switch quantity {
        case .parameters, .activeParameters, .attentionParameters, .expertParameters,
            .routerParameters, .embeddingParameters, .normParameters:
            parameterCount(quantity)
        case .flopsPerToken, .attentionFLOPs, .expertFLOPs, .headFLOPs:
            flopsPerToken(quantity, length: length)
        case .expertModules: expertModules
        case .tokensCeiling: tokensCeiling(length: length)
        case .assignmentsKept: assignmentsKept
        case .launchCommand:
            .unknown("a launch command is held against the plan, not measured")
        case .gpus, .pipelineDegree, .dataDegree, .contextDegree, .tensorDegree, .expertDegree,
            .expertsPerGPU, .sequencesPerFlush, .pipelineBubble:
            planMeasure(quantity, length: length)
        case .parameterMemory, .gradientMemory, .optimizerMemory, .activationMemory, .totalMemory,
            .fits, .recomputationSaving, .allToAllBytes, .pointToPointBytes, .dataParallelBytes,
            .expertGroupBandwidth, .communicationOverhead, .stepTime, .tokensPerMillisecond,
            .timeToFirstToken, .gpuUtilization, .expertLoadVariation, .stageTimeVariation:
            stepMeasure(quantity, length: length)
        }
    }

    /// What rests on the plan alone.
    private func planMeasure(_ quantity: Quantity, length: Int) -> Measure {
        guard let plan = deployment.plan else {
            return .unknown("the deployment has no usable `plan`")
        }
        guard let bucket = plan.bucket(forLength: length) else {
            return .unknown("no bucket of the plan holds sequences of \(length) tokens")
        }
        return PlanQuantities(model: model, plan: plan, bucket: bucket, length: length)
            .measure(quantity)
    }

    /// What rests on a whole step on the cluster.
    private func stepMeasure(_ quantity: Quantity, length: Int) -> Measure {
        guard deployment.plan != nil else {
            return .unknown("the deployment has no usable `plan`")
        }
        guard deployment.cluster != nil else { return .unknown("the deployment has no `cluster`") }
        guard let step = step(at: length) else {
            return .unknown("no bucket of the plan holds sequences of \(length) tokens")
        }
        return StepQuantities(step).measure(quantity)
    }
}
