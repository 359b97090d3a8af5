extension StepFigures {
    /// The figures of a run's step, in the median over its log.
    package init(of run: RunReport) {
        self.init()
        stepTime = run.median(\.stepTime)
        tokensPerSecond = run.median(\.tokensPerSecond)
        memoryPeak = run.steps.compactMap(\.memoryPeak).max()
        guard let time = stepTime, time > 0 else { return }
        bubble = run.median(\.bubble).map { $0 / time }
        communicationExposed = run.median(\.communication).map { $0 / time }
        if let bubble, let communicationExposed {
            utilization = max(0, 1 - bubble - communicationExposed)
        }
    }
}
