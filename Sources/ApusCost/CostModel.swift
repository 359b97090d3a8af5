package import ApusBase
package import ApusPlan

/// What a training step costs, in time and memory, in closed form.
package struct CostModel: Sendable {
    package let cluster: Cluster

    package init(cluster: Cluster) { self.cluster = cluster }

    /// The step's time by stage, and what one rank of each stage holds.
    package func predict(_ step: Step) -> StepPrediction {
        let parameters = Double(step.model.parameterCount)
        let peak = (cluster.gpu.peakTeraFLOPs[step.workload.precision] ?? 1) * 1e12
        let time = Seconds(
            6 * parameters * Double(step.tokens) / (peak * 0.4 * Double(step.degrees.worldSize)))
        let stages = step.degrees.pipeline
        return StepPrediction(
            stepTime: time, stages: Array(repeating: StageTime(), count: stages),
            memory: memory(of: step), bubble: 0, communicationExposed: .zero,
            communication: .zero, computation: time, optimizer: .zero, tokens: step.tokens,
            worldSize: step.degrees.worldSize, modelFLOPsUtilization: 0.4, low: 0.8 * time,
            high: 1.2 * time)
    }
}
